//! What the programs of the demo begin and end with.

use std::{net::Ipv4Addr, process::ExitCode};

use anyhow::Context;
use tokio::net::TcpListener;

/// Listens on this port of 127.0.0.1.
///
/// # Errors
///
/// If it is taken.
pub async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.with_context(|| format!("cannot listen on port {port}"))
}

/// What a program ends with. A person is told what went wrong.
pub fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
