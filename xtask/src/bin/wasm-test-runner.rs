//! Runner with which cargo runs wasm tests: `wasm-bindgen-test-runner`, built from its library.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
