//! Responses that are compressed.
#![cfg(feature = "compression")]

mod support;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use sse_source::{EventSource, Item, Reason};
use support::{end, events, next, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Content-Encoding: gzip\r\nConnection: close\r\n\r\n";

/// Each event is sent only when the one before has arrived.
#[tokio::test]
async fn each_event_comes_when_it_is_flushed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut source = EventSource::get(url).with_settings(soon()).open().unwrap();
    for is_whole in [true, false] {
        let asked = async {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let count = connection.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..count]).to_lowercase();
            let accepts = request.contains("\r\naccept-encoding: ") && request.contains("gzip");
            assert!(accepts, "{request}");
            connection.write_all(HEAD).await.unwrap();
            connection
        };
        let opened = async {
            loop {
                if let Some(Ok(Item::Open(_))) = next(&mut source).await {
                    break;
                }
            }
        };
        let (mut connection, ()) = tokio::join!(asked, opened);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        for number in 0..100 {
            let data = format!("{number} {}", "x".repeat(number * 100));
            write!(encoder, "data: {data}\n\n").unwrap();
            encoder.flush().unwrap();
            connection.write_all(encoder.get_ref()).await.unwrap();
            encoder.get_mut().clear();
            assert_eq!(events(&mut source, 1).await, [data]);
        }
        if is_whole {
            let rest = encoder.finish().unwrap();
            connection.write_all(&rest).await.unwrap();
        }
        drop(connection);
        let expected = [Reason::NetworkError, Reason::End][usize::from(is_whole)];
        assert_eq!(end(&mut source).await, expected);
    }
}
