//! Compares two programs that serve JSON events with IDs, keep-alive and graceful shutdown: one with axum's own
//! types, and one with this crate. The guide shows both.
#![cfg(all(feature = "axum", feature = "json"))]

#[expect(clippy::disallowed_methods, reason = "the usual way with axum alone")]
mod axum_sse;
mod sse_hyper;

use std::io;

use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

/// Reads two events after the ID 7, shuts the server down, and returns what the client has read.
async fn check<F: Future<Output = io::Result<()>> + Send + 'static>(
    serve: impl FnOnce(TcpListener, std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> F,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let signal = Box::pin(async { _ = stopped.await });
    let server = tokio::spawn(serve(listener, signal));

    let mut client = TcpStream::connect(address).await.unwrap();
    let head = b"GET /events HTTP/1.0\r\nHost: x\r\nLast-Event-ID: 7\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut text = Vec::new();
    while text.windows(2).filter(|bytes| bytes == b"{\"").count() < 2 {
        assert_ne!(client.read_buf(&mut text).await.unwrap(), 0, "it has ended");
    }
    stop.send(()).unwrap();
    client.read_to_end(&mut text).await.unwrap();
    server.await.unwrap().unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn both_serve_the_same() {
    for text in [
        timeout(test_timeout(), check(axum_sse::serve)).await,
        timeout(test_timeout(), check(sse_hyper::serve)).await,
    ] {
        let text = text.expect("a server that ends");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        for count in [8, 9] {
            assert!(body.contains(&format!("{{\"count\":{count}}}")), "{body}");
            assert!(body.contains(&format!("id: {count}\n")), "{body}");
        }
    }
}

#[test]
fn this_crate_needs_no_more_lines() {
    let theirs = include_str!("axum_sse.rs").trim().split('\n').count();
    let ours = include_str!("sse_hyper.rs").trim().split('\n').count();
    assert!(ours <= theirs, "{ours} lines, and {theirs} with axum alone");
}
