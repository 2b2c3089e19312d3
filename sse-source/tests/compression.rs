//! Compressed responses.
#![cfg(feature = "compression")]

mod support;

use std::{cell::RefCell, io::Write, rc::Rc};

use brotli::CompressorWriter;
use flate2::{Compression, write::GzEncoder};
use sse_source::{DisconnectReason, Error, EventSource, Item};
use support::{Answer, Server, end, events, next, respond, soon, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use zstd::stream::write::Encoder as ZstdEncoder;

/// Bytes that an encoder has written.
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

/// Returns an encoder, which writes the rest when it is dropped.
fn encoder(coding: &str, out: Out) -> Box<dyn Write> {
    match coding {
        "gzip" => Box::new(GzEncoder::new(out, Compression::default())),
        "br" => Box::new(CompressorWriter::new(out, 4096, 4, 20)),
        "zstd" => Box::new(ZstdEncoder::new(out, 1).unwrap().auto_finish()),
        _ => unreachable!("{coding}"),
    }
}

/// Sends each event only after the one before has arrived.
#[tokio::test]
async fn each_event_comes_when_it_is_flushed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for coding in ["gzip", "br", "zstd"] {
        let mut source = EventSource::get(&url).config(soon()).build().unwrap();
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
            let expected = [
                DisconnectReason::NetworkError,
                DisconnectReason::EndOfStream,
            ][usize::from(is_whole)];
            assert_eq!(end(&mut source).await, expected, "{coding}");
        }
    }
}

/// Accepts a connection whose request accepts this coding, and sends the head of the response.
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

/// Returns the data of the events of one response, and the reason why its connection ends.
async fn read(coding: &str, body: impl AsRef<[u8]>) -> (Vec<String>, String) {
    let headers = format!("Content-Type: text/event-stream\r\nContent-Encoding: {coding}\r\n");
    let server = Server::start([Answer::End(respond("200 OK", &headers, body))]).await;
    let mut source = support::source(&server);
    let mut data = Vec::new();
    loop {
        match next(&mut source).await {
            Some(Ok(Item::Event(event))) => data.push(event.data),
            Some(Ok(Item::Disconnected(disconnected))) => {
                return (data, disconnected.cause().to_string());
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return (data, error.report().to_string()),
            None => panic!("{coding}: the source ended"),
        }
    }
}

fn encode(coding: &str, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let out = Out::default();
    encoder(coding, out.clone())
        .write_all(bytes.as_ref())
        .unwrap();
    out.0.take()
}

const END: &str = "the server ended the stream";

#[tokio::test]
async fn codings_are_decoded_in_order() {
    for first in ["gzip", "br", "zstd"] {
        for second in ["gzip", "br", "zstd"] {
            let body = encode(second, encode(first, "data: 1\n\ndata: 2\n\n"));
            let (data, end) = read(&format!("{first}, identity, {second}"), body).await;
            assert_eq!(data, ["1", "2"], "{first}, {second}");
            assert_eq!(end, END, "{first}, {second}");
        }
    }
    for name in [
        "GZip",
        "x-gzip",
        " gzip ",
        "identity, gzip\r\nContent-Encoding: identity",
    ] {
        let (data, end) = read(name, encode("gzip", "data: 1\n\n")).await;
        assert_eq!(
            (&data[..], &end[..]),
            (&["1".to_owned()][..], END),
            "{name}"
        );
    }
}

#[tokio::test]
async fn codings_that_are_unknown_or_too_many_are_an_error() {
    for codings in ["deflate", "compress, gzip", "gzip, gzip, gzip", "gzip;q=1"] {
        let (data, error) = read(codings, "data: 1\n\n").await;
        assert!(data.is_empty());
        let expected = format!("status 200 OK with unsupported Content-Encoding: {codings:?}");
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn a_body_may_have_several_parts() {
    for coding in ["gzip", "br", "zstd"] {
        let parts = [
            encode(coding, "data: 1\n\nda"),
            encode(coding, ""),
            encode(coding, "ta: 2\n\n"),
        ];
        let (data, end) = read(coding, parts.concat()).await;
        assert_eq!(data, ["1", "2"], "{coding}");
        assert_eq!(end, END, "{coding}");
    }
}

/// Checks that the events before the fault are always returned.
#[tokio::test]
async fn what_is_broken_is_an_error_of_the_network() {
    for coding in ["gzip", "br", "zstd"] {
        let whole = encode(coding, "data: 1\n\n");
        let with_more = [&whole[..], b"more than is expected"].concat();
        let (data, error) = read(coding, with_more).await;
        assert_eq!(data, ["1"], "{coding}");
        let expected = format!("cannot decode {coding} body: ");
        assert!(error.starts_with(&expected), "{coding}: {error}");

        for length in 1..whole.len() {
            let (_, error) = read(coding, &whole[..length]).await;
            assert_eq!(error, format!("{coding} body is truncated"), "{length}");
        }
        let (data, error) = read(coding, "no such thing").await;
        assert!(data.is_empty());
        let expected = format!("cannot decode {coding} body: ");
        assert!(error.starts_with(&expected), "{error}");

        let (_, end) = read(coding, "").await;
        assert_eq!(end, END, "{coding}: a body without any bytes");
    }
}

#[tokio::test]
async fn windows_that_are_too_large_are_an_error() {
    // Window descriptors of RFC 8878: 2^(10 + exponent), and the mantissa adds eighths of that.
    for (descriptor, is_allowed) in [(13 << 3, true), (13 << 3 | 1, false), (14 << 3, false)] {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, descriptor];
        frame.extend([(9 << 3) | 1, 0, 0]);
        frame.extend(b"data: 1\n\n");
        let (data, error) = read("zstd", frame).await;
        assert_eq!(data.len(), usize::from(is_allowed), "{error}");
        let expected = "cannot decode zstd body: Frame requires too much memory for decoding";
        assert_eq!(error == expected, !is_allowed, "{error}");
    }
    let (_, error) = read("br", [0x11, 0x1e, 0x03]).await;
    assert!(error.ends_with("ERROR_FORMAT_WINDOW_BITS"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_decoded_too() {
    for coding in ["gzip", "br", "zstd"] {
        let body = encode(coding, "not for you".repeat(1000));
        let headers = format!("Content-Encoding: {coding}\r\n");
        let server = Server::start([Answer::End(respond("403 Forbidden", &headers, body))]).await;
        let error = support::error(&mut support::source(&server)).await;
        let Error::UnexpectedResponse(refused) = error else {
            panic!("{error:?}");
        };
        assert_eq!(refused.body.len(), 11_000);
        assert!(refused.body.starts_with(b"not for younot"));
    }
}

#[tokio::test]
async fn a_request_may_say_what_it_takes() {
    let server = Server::start([Answer::End(stream(""))]).await;
    let request = EventSource::get(server.url()).header("accept-encoding", "identity");
    let _ = request.send().await.unwrap();
    let _ = EventSource::get(server.url()).send().await.unwrap();
    let [first, second] = &server.requests()[..] else {
        panic!("{:?}", server.requests());
    };
    assert!(first.contains("\r\naccept-encoding: identity\r\n"));
    assert!(second.contains("\r\naccept-encoding: zstd,gzip,br\r\n"));
}

/// Checks that the tests use the versions of the compression crates that the library uses.
#[test]
fn one_version_of_each_compression_crate_is_locked() {
    let lock = include_str!("../../Cargo.lock");
    for name in [
        "brotli",
        "compression-codecs",
        "flate2",
        "zstd",
        "zstd-safe",
        "zstd-sys",
    ] {
        let package = format!("[[package]]\nname = \"{name}\"\n");
        assert_eq!(
            lock.matches(&package).count(),
            1,
            "versions of {name} in Cargo.lock"
        );
    }
    let decoder = |package: &str| {
        let package = format!("[[package]]\nname = \"{package}\"\n");
        let (_, rest) = lock.split_once(&package).unwrap();
        let (package, _) = rest.split_once("\n\n").unwrap();
        let (_, rest) = package.split_once("\"brotli-decompressor").unwrap();
        rest.split_once('"').unwrap().0
    };
    assert_eq!(decoder("brotli"), decoder("sse-source"));
}
