//! Runs many clients that connect, stall, disconnect and resume, against the contract server. Without options, it is a
//! smoke test of ten seconds.

use std::io;

use anyhow::Result;
use clap::Parser;
use load::{
    machine,
    soak::{self, Options},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    machine::raise_open_files(options.clients + 100)?;
    soak::run(options, &mut io::stdout()).await
}
