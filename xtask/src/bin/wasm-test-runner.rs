//! What cargo runs tests for wasm with: `wasm-bindgen-test-runner`, from the library that it is.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
