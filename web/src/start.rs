//! Start and end of the demo programs.

use std::{net::Ipv4Addr, process::ExitCode};

use anyhow::Context;
use tokio::net::TcpListener;

/// Listens on this port of 127.0.0.1.
///
/// # Errors
///
/// Returns an error if the port cannot be opened, for example because it is in use.
pub async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.with_context(|| format!("cannot listen on port {port}"))
}

/// Returns the exit code of a program, and prints the error to stderr.
pub fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
