//! HTTP/1 streams: framing, faults and speed.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::future::{self, join_all};
use sse_source::{DisconnectReason, Error, EventSource, Item};
use support::{Answer, Server, end, events, next, number, respond, soon, source, stream};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

/// Returns a response whose body does not end with the connection.
fn framed(header: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{header}\r\n\r\n{body}").into()
}

fn chunked(body: &str) -> Vec<u8> {
    framed("Transfer-Encoding: chunked", body)
}

/// Accepts a connection and reads the request.
async fn asked(listener: &TcpListener) -> TcpStream {
    let (mut connection, _) = listener.accept().await.unwrap();
    assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
    connection
}

#[tokio::test]
async fn only_a_body_that_is_whole_ends() {
    let whole = "data: a\n\n";
    let another = String::from_utf8(stream("data: b\n\n")).unwrap();
    for (answer, reason) in [
        (
            framed("Content-Length: 9", whole),
            DisconnectReason::EndOfStream,
        ),
        (
            framed("Content-Length: 10", whole),
            DisconnectReason::NetworkError,
        ),
        (
            chunked("9\r\ndata: a\n\n\r\n0\r\n\r\n"),
            DisconnectReason::EndOfStream,
        ),
        (
            chunked("9\r\ndata: a\n\n\r\n"),
            DisconnectReason::NetworkError,
        ),
        (
            chunked("9\r\ndata: a\n\n\r\n0\r\n"),
            DisconnectReason::NetworkError,
        ),
        (chunked("F\r\ndata: a\n\n"), DisconnectReason::NetworkError),
        (
            chunked("9\r\ndata: a\n\n\r\nx\r\n"),
            DisconnectReason::NetworkError,
        ),
        (
            chunked("9\r\ndata: a\n\ndata: b\n\n"),
            DisconnectReason::NetworkError,
        ),
        (
            chunked(&format!("9\r\ndata: a\n\n\r\n{}\r\n", "f".repeat(17))),
            DisconnectReason::NetworkError,
        ),
        // Bytes after the body are not part of it.
        (
            framed("Content-Length: 9", "data: a\n\ndata: b\n\n"),
            DisconnectReason::EndOfStream,
        ),
        (
            chunked("9\r\ndata: a\n\n\r\n0\r\n\r\ndata: b\n\n"),
            DisconnectReason::EndOfStream,
        ),
        (
            framed("Content-Length: 9", &format!("{whole}{another}")),
            DisconnectReason::EndOfStream,
        ),
        // "Transfer-Encoding overrides the Content-Length."
        (
            framed(
                "Content-Length: 3\r\nTransfer-Encoding: chunked",
                "9\r\ndata: a\n\n\r\n0\r\n\r\n",
            ),
            DisconnectReason::EndOfStream,
        ),
        (stream(whole), DisconnectReason::EndOfStream),
        (
            [
                b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
                whole.as_bytes(),
            ]
            .concat(),
            DisconnectReason::EndOfStream,
        ),
    ] {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let server = Server::start([Answer::End(answer)]).await;
        let mut source = source(&server);
        for _ in 0..2 {
            assert_eq!(events(&mut source, 1).await, ["a"], "{text}");
            assert_eq!(end(&mut source).await, reason, "{text}");
        }
    }
}

#[tokio::test]
async fn chunks_of_one_byte_that_come_byte_by_byte() {
    let body = "\u{FEFF}id: €\r\ndata: 豆\r\ndata: 😀\r\n\r\n";
    let mut bytes = chunked("");
    for byte in body.bytes() {
        bytes.extend_from_slice(b"1;name=value\r\n");
        bytes.extend_from_slice(&[byte, b'\r', b'\n']);
    }
    bytes.extend_from_slice(b"0\r\ntrailer: x\r\n\r\n");
    let server = Server::start([Answer::Drip(bytes)]).await;
    let mut source = source(&server);
    assert_eq!(events(&mut source, 2).await, ["豆\n😀", "豆\n😀"]);
    assert_eq!(server.last_event_ids()[1].as_deref(), Some("€"));
}

#[tokio::test]
async fn a_head_that_is_none_is_tried_again() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let server = Server::start([
        Answer::End(Vec::new()),
        Answer::Reset(Vec::new()),
        Answer::End(b"\0\x01\x02\r\n\r\n".into()),
        Answer::End(b"SSH-2.0-x\r\n".into()),
        Answer::End(b"HTTP/1.1 200 OK\r\nContent-Type".into()),
        Answer::End(framed("Content-Length: x", "")),
        Answer::End(framed(
            "Content-Length: 9\r\nContent-Length: 5",
            "data: a\n\n",
        )),
        Answer::End(b"\x16\x03\x01\0\x31\x02\0\0".into()),
        Answer::End(b"HTTP/3.7 200 OK\r\n\r\n".into()),
        Answer::End(b"HTTP/1.1 2000 OK\r\n\r\n".into()),
        Answer::End(b"HTTP/1.1 100 Continue\r\n\r\n".into()),
        Answer::End(long.into()),
        Answer::Hang(stream("data: a\n\n")),
    ])
    .await;
    let mut source = source(&server);
    for _ in 0..12 {
        assert_eq!(end(&mut source).await, DisconnectReason::NetworkError);
    }
    assert_eq!(events(&mut source, 1).await, ["a"]);
}

#[tokio::test]
async fn a_head_may_look_unusual() {
    let headers = "Content-Type: text/event-stream\r\n";
    let fields: String = (0..900)
        .map(|number| format!("x-{number}: {number}\r\n"))
        .collect();
    let heads = [
        format!("HTTP/1.1 200\r\n{headers}\r\n"),
        format!("HTTP/1.1 200 \u{20AC}\r\nx: \u{20AC}\r\n{headers}\r\n"),
        format!("HTTP/1.1 200 OK\r\n{fields}{headers}\r\n"),
        format!(
            "HTTP/1.1 200 OK\r\nx: {}\r\n{headers}\r\n",
            "x".repeat(100_000)
        ),
        format!("HTTP/1.1 200 OK\r\n{headers}\r\n").replace("\r\n", "\n"),
        "HTTP/1.1 200 OK\r\nContent-Type : text/event-stream\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\tc\r\nContent-Type:\r\n text/event-stream\r\n\r\n"
            .to_owned(),
        format!("HTTP/1.1 200 OK\r\nno colon\r\n{headers}\r\n"),
        format!("HTTP/1.1 200 OK\r\nx y: z\r\n: no name\r\n{headers}\r\n"),
        "HTTP/1.1 200 OK\r\nCONTENT-TYPE:Text/Event-Stream;a=\",\"\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Type: text/html, text/event-stream\r\n\r\n".to_owned(),
        format!(
            "HTTP/1.1 100 Continue\r\n\r\n{}HTTP/1.1 200 OK\r\n{headers}\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(3)
        ),
    ];
    for head in heads {
        let server = Server::start([Answer::End(format!("{head}data: a\n\n").into())]).await;
        let mut source = source(&server);
        assert_eq!(events(&mut source, 1).await, ["a"], "{head}");
        assert_eq!(
            end(&mut source).await,
            DisconnectReason::EndOfStream,
            "{head}"
        );
        assert_eq!(server.requests().len(), 1, "{head}");
    }
}

/// Checks that the client gives up after ten consecutive responses that are not HTTP.
#[tokio::test]
async fn a_server_of_another_protocol_is_not_asked_for_ever() {
    for head in [
        "SSH-2.0-x\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "\x16\x03\x01\0\x31\x02",
    ] {
        let server = Server::start([Answer::End(head.into())]).await;
        let error = support::error(&mut source(&server)).await;
        assert!(matches!(error, Error::Network(_)), "{error:?}");
        assert_eq!(server.requests().len(), 10, "{head:?}");
    }
}

#[tokio::test]
async fn an_id_is_sent_as_it_came_if_a_header_can_hold_it() {
    // The maximum length by default.
    let long = "x".repeat(8 * 1024);
    for (id, sent) in [
        ("\u{20AC}\u{1F600}", Some("\u{20AC}\u{1F600}")),
        ("a\tb  c: d", Some("a\tb  c: d")),
        (&long, Some(&*long)),
        ("a\x01b", None),
        ("\x7F", None),
    ] {
        let body = format!("id: {id}\ndata: a\n\n");
        let server = Server::start([Answer::End(stream(body))]).await;
        let mut source = source(&server);
        events(&mut source, 2).await;
        assert_eq!(source.last_event_id(), id);
        assert_eq!(server.last_event_ids()[1].as_deref(), sent, "{id:?}");
    }
}

/// Uses a server that answers several requests on a connection, and closes it after a complete response.
#[tokio::test]
async fn connections_that_are_kept_and_then_closed_are_no_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            for _ in 0..3 {
                let mut request = [0; 1024];
                if connection.read(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
                let answer = chunked("9\r\ndata: a\n\n\r\n0\r\n\r\n");
                connection.write_all(&answer).await.unwrap();
            }
        }
    });
    let mut source = EventSource::get(url).config(soon()).build().unwrap();
    for _ in 0..20 {
        assert_eq!(end(&mut source).await, DisconnectReason::EndOfStream);
    }
}

#[tokio::test]
async fn a_flood_is_read_whole_and_no_faster_than_it_is_asked_for() {
    const COUNT: usize = 2_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sent = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&sent);
    tokio::spawn(async move {
        let mut connection = asked(&listener).await;
        connection.write_all(&stream("")).await.unwrap();
        let block = "data: 1\n\n".repeat(1000);
        for _ in 0..COUNT / 1000 {
            connection.write_all(block.as_bytes()).await.unwrap();
            counter.fetch_add(block.len(), Ordering::Relaxed);
        }
    });
    let mut source = EventSource::get(url).config(soon()).build().unwrap();
    events(&mut source, 1).await;
    sleep(Duration::from_millis(300)).await;
    // The bytes in the buffers of the kernel, on both sides, and in hyper's buffer.
    let ahead = sent.load(Ordering::Relaxed);
    assert!(ahead < 9 * COUNT, "{ahead} bytes sent");
    events(&mut source, COUNT - 1).await;
    assert_eq!(end(&mut source).await, DisconnectReason::EndOfStream);
}

#[tokio::test]
async fn the_server_notices_a_client_that_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for leave in [drop, close] {
        let mut source = EventSource::get(url.as_str()).build().unwrap();
        let served = async {
            let mut connection = asked(&listener).await;
            connection.write_all(&stream("data: a\n\n")).await.unwrap();
            connection
        };
        let (_, mut connection) = tokio::join!(events(&mut source, 1), served);
        leave(source);
        let mut rest = Vec::new();
        let end = timeout(test_timeout(), connection.read_to_end(&mut rest));
        let _ = end.await.expect("the end of the connection");
    }
}

fn close(mut source: EventSource) {
    source.handle().close();
    tokio::spawn(async move {
        assert!(next(&mut source).await.is_none());
        future::pending::<()>().await;
    });
}

/// Runs on one thread, where nothing is read while the caller is busy.
#[tokio::test]
async fn a_caller_that_is_busy_for_longer_than_the_timeout_loses_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (want, wanted) = mpsc::channel();
    let (sent, is_sent) = mpsc::channel();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut connection, _) = listener.accept().unwrap();
        assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
        connection.write_all(&stream("data: a\n\n")).unwrap();
        while wanted.recv().is_ok() {
            connection.write_all(b"data: a\n\n").unwrap();
            sent.send(()).unwrap();
        }
    });
    let mut source = EventSource::get(url)
        .config(soon().idle_timeout(Some(Duration::from_millis(100))))
        .build()
        .unwrap();
    events(&mut source, 1).await;
    for _ in 0..5 {
        want.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        is_sent.recv().unwrap();
        let item = next(&mut source).await;
        assert!(matches!(item, Some(Ok(Item::Event(_)))), "{item:?}");
    }
}

/// Returns some of the events after the last one that the client has seen, with random framing and faults.
fn part(random: &mut fastrand::Rng, seen: usize) -> Vec<u8> {
    let number = seen + 1..seen + 1 + random.usize(1..20);
    let end = ["\n", "\r\n", "\r"][random.usize(..3)];
    let events = number.map(|number| format!("id: {number}{end}data: {number}€{end}{end}"));
    let mut body = events.collect::<String>().into_bytes();
    body.truncate(body.len() - random.usize(..8));
    let length = body.len();
    match random.u8(..8) {
        0 => Vec::new(),
        1 => respond("503 Busy", "", body),
        2 => [framed(&format!("Content-Length: {length}"), ""), body].concat(),
        3 => [framed("Content-Length: 9999", ""), body].concat(),
        4 => [chunked(&format!("{length:x}\r\n")), body].concat(),
        5 => [
            chunked(&format!("{length:x};a=b\r\n")),
            body,
            b"\r\n0\r\n\r\n".to_vec(),
        ]
        .concat(),
        6 => [b"HTTP/1.1 103 Soon\r\n\r\n".to_vec(), stream(body)].concat(),
        _ => stream(body),
    }
}

async fn all_events(seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let count = connection.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let (_, id) = request.split_once("last-event-id: ").unwrap_or(("", "0\r"));
            let seen = id.split('\r').next().and_then(number).unwrap();
            let bytes = part(&mut random, seen);
            for bytes in bytes.chunks(random.usize(1..200)) {
                let _ = connection.write_all(bytes).await;
            }
            if random.bool() {
                sleep(Duration::from_millis(5)).await;
                connection.set_zero_linger().unwrap();
            }
        }
    });
    let mut source = EventSource::get(url).config(soon()).build().unwrap();
    events(&mut source, 200).await
}

#[tokio::test]
async fn whatever_breaks_each_event_comes_once_and_in_order() {
    let expected: Vec<_> = (1..=200).map(|number| format!("{number}€")).collect();
    for got in join_all((0..10).map(all_events)).await {
        assert_eq!(got, expected);
    }
}
