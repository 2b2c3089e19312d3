//! Test service around the event source, for the SSE contract tests of `LaunchDarkly`.
//!
//! The test harness opens streams over REST. The service reports the items of the streams with callbacks.

mod service;

use std::{convert::Infallible, io, net::Ipv4Addr, sync::Arc, time::Duration};

use clap::Parser;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use service::Service;
use tokio::{net::TcpListener, time::timeout};

/// Runs the contract test service on 127.0.0.1.
#[derive(Parser)]
struct Arguments {
    /// Port to listen on.
    #[arg(long)]
    port: u16,
}

/// Maximum time for clients to read the last responses before the service ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = (Ipv4Addr::LOCALHOST, Arguments::parse().port);
    let listener = TcpListener::bind(address).await?;
    let service = Arc::new(Service::default());
    let connections = GracefulShutdown::new();
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = service.ended() => break,
        };
        connection.set_nodelay(true)?;
        let service = Arc::clone(&service);
        let respond = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, Infallible>(service.respond(request).await) }
        });
        let connection = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(connection), respond)
            .into_owned();
        // Errors are ignored, because a client may disconnect at any time.
        tokio::spawn(connections.watch(connection));
    }
    _ = timeout(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
    Ok(())
}
