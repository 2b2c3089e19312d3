//! Kills and restarts a server while a client reads from it. Without options, it is a smoke test of some seconds.

use std::io;

use anyhow::Result;
use clap::Parser;
use load::{
    process::built,
    restarts::{self, Options},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let server = built(&["--package", "load", "--bin", "kill_target"])?.join("kill_target");
    restarts::run(&server, options, &mut io::stdout()).await
}
