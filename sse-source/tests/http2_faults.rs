//! Faults of HTTP/2 servers, frame by frame.

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sse_source::{DisconnectReason, EventSource, Transport};
use support::{end, events, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// `:status: 200`, and `content-type`, which is not added to the table.
const HEAD: &[u8] = b"\x88\x0F\x10\x11text/event-stream";

/// Frame: type, flags and payload. It is on the stream of the request, unless its type needs stream 0.
type Frame = (u8, u8, &'static [u8]);

fn write(stream: u32, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &(kind, flags, payload) in frames {
        let stream = match kind {
            SETTINGS | PING | GOAWAY | WINDOW_UPDATE => 0,
            _ => stream,
        };
        bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
    }
    bytes
}

/// Starts a server that answers the first request with these frames, and all others with an event.
async fn start(frames: &[Frame], hangs_up: bool) -> (EventSource, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&connections);
    let mut first = Some(frames.to_vec());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            // An error only ends this connection: the client opens the next one.
            let _ = serve(connection, &mut first, hangs_up).await;
        }
    });
    let source = EventSource::get(url)
        .transport(Transport::http2_prior_knowledge())
        .config(soon())
        .build();
    (source.unwrap(), connections)
}

async fn serve(
    mut connection: TcpStream,
    first: &mut Option<Vec<Frame>>,
    hangs_up: bool,
) -> std::io::Result<()> {
    connection.read_exact(&mut [0; 24]).await?;
    let config = write(0, &[(SETTINGS, 0, b"")]);
    connection.write_all(&config).await?;
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length.try_into().unwrap()];
        connection.read_exact(&mut payload).await?;
        match head[3] {
            SETTINGS if head[4] & ACK == 0 => {
                let ack = write(0, &[(SETTINGS, ACK, b"")]);
                connection.write_all(&ack).await?;
            }
            HEADERS => {
                let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
                let last: &[Frame] = &[(HEADERS, END_HEADERS, HEAD), (DATA, 0, b"data: again\n\n")];
                let faults = first.take();
                let bytes = write(stream, faults.as_deref().unwrap_or(last));
                connection.write_all(&bytes).await?;
                if faults.is_some() && hangs_up {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

const OPEN: Frame = (HEADERS, END_HEADERS, HEAD);
const EVENT: Frame = (DATA, 0, b"id: 1\ndata: a\n\ndata: lost\n");

#[tokio::test]
async fn a_stream_that_is_reset_is_taken_up_again() {
    for code in 0..=14 {
        let reset = (RST_STREAM, 0, &*vec![0, 0, 0, code].leak());
        let (mut source, connections) = start(&[OPEN, EVENT, reset], false).await;
        assert_eq!(events(&mut source, 2).await, ["a", "again"], "{code}");
        assert_eq!(source.last_event_id(), "1");
        assert_eq!(connections.load(Ordering::Relaxed), 1, "{code}");

        let (mut source, connections) = start(&[reset], false).await;
        assert_eq!(events(&mut source, 1).await, ["again"], "{code}");
        assert_eq!(connections.load(Ordering::Relaxed), 1, "{code}");
    }
}

#[tokio::test]
async fn what_breaks_a_connection_is_followed_by_another() {
    let large = &*vec![b':'; 20_000].leak();
    for (name, fault) in [
        ("too large", (DATA, 0, large)),
        ("too much padding", (DATA, PADDED, b"\xFFdata: x\n\n")),
        ("a push", (PUSH_PROMISE, END_HEADERS, b"\0\0\0\x02\x82")),
        ("too wide", (WINDOW_UPDATE, 0, b"\x7F\xFF\xFF\xFF")),
        ("no setting", (SETTINGS, 0, b"\0\x04\xFF\xFF\xFF\xFF")),
        ("no config", (SETTINGS, 0, b"\0\x04\0\0\0")),
        ("no ping", (PING, 0, b"abc")),
        ("no beginning", (CONTINUATION, 0, b"")),
        ("no headers", (HEADERS, END_HEADERS, b"\xFF")),
    ] {
        let (mut source, connections) = start(&[OPEN, EVENT, fault], false).await;
        assert_eq!(events(&mut source, 1).await, ["a"], "{name}");
        assert_eq!(
            end(&mut source).await,
            DisconnectReason::NetworkError,
            "{name}"
        );
        assert_eq!(events(&mut source, 1).await, ["again"], "{name}");
        assert_eq!(connections.load(Ordering::Relaxed), 2, "{name}");

        let (mut source, connections) = start(&[fault], false).await;
        assert_eq!(
            end(&mut source).await,
            DisconnectReason::NetworkError,
            "{name}"
        );
        assert_eq!(events(&mut source, 1).await, ["again"], "{name}");
        assert_eq!(connections.load(Ordering::Relaxed), 2, "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_is_followed_by_another() {
    for goaway in [
        &[][..],
        &[(GOAWAY, 0, &[0; 8][..])],
        &[(GOAWAY, 0, b"\0\0\0\x01\0\0\0\x0Bcalm down")],
        &[(GOAWAY, 0, b"\x7F\xFF\xFF\xFF\0\0\0\0")],
    ] {
        let (mut source, connections) = start(&[&[OPEN, EVENT], goaway].concat(), true).await;
        assert_eq!(events(&mut source, 2).await, ["a", "again"]);
        assert_eq!(connections.load(Ordering::Relaxed), 2);

        let (mut source, connections) = start(goaway, true).await;
        assert_eq!(events(&mut source, 1).await, ["again"]);
        assert_eq!(connections.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn frames_around_a_stream_are_no_part_of_it() {
    let frames = [
        (HEADERS, END_HEADERS, &b"\x08\x03103"[..]),
        (HEADERS, 0, &HEAD[..1]),
        (CONTINUATION, 0, b""),
        (CONTINUATION, END_HEADERS, &HEAD[1..]),
        (PING, 0, b"12345678"),
        (SETTINGS, 0, b"\0\x05\0\0\x60\0"),
        (0xFF, 0xFF, b"unknown"),
        (DATA, 0, b""),
        (DATA, PADDED, b"\x03da\0\0\0"),
        (DATA, PADDED, b"\0ta: \xE2\x82"),
        (DATA, 0, b"\xAC\n\n"),
        // Trailers.
        (HEADERS, END_HEADERS | END_STREAM, b"\0\x01x\x01y"),
    ];
    let (mut source, connections) = start(&frames, false).await;
    assert_eq!(events(&mut source, 1).await, ["\u{20AC}"]);
    assert_eq!(end(&mut source).await, DisconnectReason::EndOfStream);
    assert_eq!(events(&mut source, 1).await, ["again"]);
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}
