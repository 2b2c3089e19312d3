//! A demo server in the test process, and requests to it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use web::{Demo, Journal, Node, publish_feeds};

/// Starts a server with a journal of this name, as node 2 of 3, and returns its port.
pub(crate) async fn start(name: &str) -> Result<u16> {
    let journal = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (journal, hub) = Journal::open(&journal).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let demo = Demo::new(hub.clone(), "no page".into());
    let demo = demo.as_node(Node {
        number: 2,
        count: 3,
        port,
    });
    tokio::spawn(async move {
        let _ = tokio::join!(publish_feeds(&hub, journal), demo.serve(listener));
    });
    Ok(port)
}

/// Sends a request, and returns the connection.
pub(crate) async fn request(port: u16, line: &str, headers: &str) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let head = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n");
    connection.write_all(head.as_bytes()).await?;
    Ok(connection)
}

/// Reads until the connection ends.
pub(crate) async fn rest(connection: &mut TcpStream) -> Result<String> {
    let mut text = Vec::new();
    timeout(test_timeout(), connection.read_to_end(&mut text)).await??;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Reads until this text was received.
pub(crate) async fn until(connection: &mut TcpStream, wanted: &str) -> Result<String> {
    let mut text = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&text).contains(wanted) {
            if connection.read_buf(&mut text).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    };
    let result = timeout(test_timeout(), read).await;
    let text = String::from_utf8_lossy(&text).into_owned();
    result.with_context(|| format!("{wanted:?} in {text:?}"))??;
    ensure!(text.contains(wanted), "{wanted:?} in {text:?}");
    Ok(text)
}

/// Sends a request, and returns the complete response.
pub(crate) async fn send(port: u16, line: &str, headers: &str) -> Result<String> {
    let headers = format!("{headers}Connection: close\r\n");
    rest(&mut request(port, line, &headers).await?).await
}
