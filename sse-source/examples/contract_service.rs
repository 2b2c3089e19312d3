//! A test service around the event source: it opens streams as it is told over REST, and tells by
//! callbacks what comes of them, as the SSE contract tests of `LaunchDarkly` define it.

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

/// A test service, on 127.0.0.1.
#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    port: u16,
}

/// How long the service waits for its last answers to be read.
const PATIENCE: Duration = Duration::from_millis(500);

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
        // A client that leaves in the middle is no news.
        tokio::spawn(connections.watch(connection));
    }
    _ = timeout(PATIENCE, connections.shutdown()).await;
    Ok(())
}
