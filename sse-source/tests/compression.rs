//! Responses that are compressed.
#![cfg(feature = "compression")]

mod support;

use std::{cell::RefCell, io::Write, rc::Rc};

use brotli::CompressorWriter;
use flate2::{Compression, write::GzEncoder};
use sse_source::{EventSource, Item, Reason};
use support::{end, events, next, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use zstd::stream::write::Encoder as ZstdEncoder;

/// What an encoder has written.
#[derive(Clone, Default)]
struct Out(Rc<RefCell<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *self.0.borrow_mut(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Each writes the rest when it is dropped.
fn encoder(coding: &str, out: Out) -> Box<dyn Write> {
    match coding {
        "gzip" => Box::new(GzEncoder::new(out, Compression::default())),
        "br" => Box::new(CompressorWriter::new(out, 4096, 4, 20)),
        "zstd" => Box::new(ZstdEncoder::new(out, 1).unwrap().auto_finish()),
        _ => unreachable!("{coding}"),
    }
}

/// Each event is sent only when the one before has arrived.
#[tokio::test]
async fn each_event_comes_when_it_is_flushed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for coding in ["gzip", "br", "zstd"] {
        let mut source = EventSource::get(&url).with_settings(soon()).open().unwrap();
        for is_whole in [true, false] {
            let opened =
                async { while !matches!(next(&mut source).await, Some(Ok(Item::Open(_)))) {} };
            let (mut connection, ()) = tokio::join!(asked(&listener, coding), opened);
            let out = Out::default();
            let mut encoder = encoder(coding, out.clone());
            for number in 0..100 {
                let data = format!("{number} {}", "x".repeat(number * 100));
                write!(encoder, "data: {data}\n\n").unwrap();
                encoder.flush().unwrap();
                connection.write_all(&out.0.take()).await.unwrap();
                assert_eq!(events(&mut source, 1).await, [data], "{coding}");
            }
            drop(encoder);
            if is_whole {
                connection.write_all(&out.0.take()).await.unwrap();
            }
            drop(connection);
            let expected = [Reason::NetworkError, Reason::End][usize::from(is_whole)];
            assert_eq!(end(&mut source).await, expected, "{coding}");
        }
    }
}

/// A connection whose request takes this coding, and the head of the response sent.
async fn asked(listener: &TcpListener, coding: &str) -> TcpStream {
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let count = connection.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..count]).to_lowercase();
    let accepted = request.split_once("\r\naccept-encoding: ").unwrap().1;
    assert!(accepted.contains(coding), "{request}");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
         Content-Encoding: {coding}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}
