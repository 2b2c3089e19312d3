//! Publications that `sse hub` accepts and refuses.
#![cfg(feature = "hub")]

mod support;

use core::time::Duration;

use futures_util::future::join_all;
use http::{Method, header::AUTHORIZATION};
use support::hub::{Hub, TOKEN};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain";

#[tokio::test]
async fn each_kind_of_body_arrives() {
    let hub = Hub::start([]);
    let mut follower = hub.follow("topic=**").await;
    let mut other = hub.follow("topic=b").await;
    let bodies: [(&str, &str, &str, &str, &[&str]); 11] = [
        ("", JSON, r#"{"topic":"a","data":"1"}"#, "message", &["1"]),
        (
            "",
            JSON,
            r#"{"topics":["a","c"],"data":"€\n","type":"t","key":"k"}"#,
            "t",
            &["€\n"],
        ),
        (
            "",
            JSON,
            "{\"topic\": \"a\",\n\"data\": {\"b\": 1.50,\n\"a\":[]}}\n",
            "message",
            &["{\"b\": 1.50,\n\"a\":[]}"],
        ),
        (
            "",
            JSON,
            r#"{"topic":"a","data":123456789012345678901234567890}"#,
            "message",
            &["123456789012345678901234567890"],
        ),
        (
            "",
            "Application/JSON; charset=UTF-8",
            r#"{"topic":"a","data":null}"#,
            "message",
            &["null"],
        ),
        (
            "",
            FORM,
            "topic=a&topic=b&data=1+2%0D%0A3&type=t&key=k",
            "t",
            &["1 2\n3"],
        ),
        ("?topic=a&type=t&key=k", TEXT, "a=1&b=2", "t", &["a=1&b=2"]),
        (
            "?topic=a",
            "text/plain;charset=\"utf-8\"",
            "",
            "message",
            &[""],
        ),
        (
            "?topic=%E2%82%AC",
            TEXT,
            "\u{feff}bom",
            "message",
            &["\u{feff}bom"],
        ),
        (
            "",
            LINES,
            "{\"topic\":\"a\",\"data\":\"1\"}\r\n\n{\"topic\":\"a\",\"data\":2}",
            "message",
            &["1", "2"],
        ),
        ("", LINES, "", "message", &[]),
    ];
    for (query, content_type, body, event_type, data) in bodies {
        let reply = hub.publish(query, content_type, body).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text);
        assert_eq!(reply.header("content-type"), "application/json");
        let answer: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
        let ids = match content_type {
            LINES => answer["ids"].as_array().unwrap().clone(),
            _ => vec![answer["id"].clone()],
        };
        assert_eq!(ids.len(), data.len());
        for (id, data) in ids.iter().zip(data) {
            let expected = (
                event_type.into(),
                id.as_str().unwrap().into(),
                (*data).into(),
            );
            assert_eq!(follower.event().await, expected);
        }
    }
    assert_eq!(other.data().await, "1 2\n3");
    assert_eq!(hub.metric("sse_hub_published_total").await, 11);
    assert_eq!(hub.metric("sse_hub_delivered_total").await, 12);
    assert_eq!(hub.metric("sse_hub_subscribers").await, 2);
}

#[tokio::test]
async fn nothing_can_be_forged() {
    let hub = Hub::start([]);
    let mut follower = hub.follow("topic=**").await;
    let long = "x".repeat(257);
    let many = format!("topic=a{}&data=a", "&topic=a".repeat(64));
    let long_key = format!("topic=a&data=a&key={long}");
    let long_topic = format!("topic={long}&data=a");
    let refused: [(&str, &str, &[u8], &str); 38] = [
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","type":"t\ndata: forged"}"#,
            "event type: LF at byte 1 would end the field",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","type":"t\rid: 7"}"#,
            "event type: CR at byte 1 would end the field",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","key":"k\r\n"}"#,
            r"key has the control character '\r' at byte 1",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","key":""}"#,
            "key: empty",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a\n\ndata: forged","data":"a"}"#,
            r"topic has the control character '\n' at byte 1",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a/*","data":"a"}"#,
            "has a `*`, which only patterns can have",
        ),
        ("", JSON, br#"{"topic":"","data":"a"}"#, "topic is empty"),
        ("", JSON, br#"{"topics":[],"data":"a"}"#, "no topic"),
        ("", JSON, br#"{"data":"a"}"#, "no topic"),
        ("", JSON, br#"{"topic":"a"}"#, "missing field `data`"),
        (
            "",
            JSON,
            br#"{"topic":"a","topics":["a"],"data":"a"}"#,
            "`topic` and `topics` cannot be used together",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","id":"7"}"#,
            "id: the hub gives each event its ID",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","retry":7}"#,
            "unknown field `retry`, expected one of `topic`, `topics`, `data`, `type`, `key`\n",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","data":"b"}"#,
            "duplicate field `data`",
        ),
        (
            "",
            JSON,
            br#"{"topic":7,"data":"a"}"#,
            "column 10: invalid type: integer `7`",
        ),
        (
            "",
            JSON,
            b"{\"topic\":\"a\",\n\"data\"}",
            "at line 2 column 7",
        ),
        ("", JSON, br#"{"topic":"a","data":"\ud800"}"#, "data: "),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a"} {}"#,
            "trailing characters",
        ),
        ("", JSON, br#"["a","b"]"#, "not a JSON object"),
        ("", JSON, b"", "not a JSON object"),
        (
            "",
            JSON,
            b"{\"topic\":\"a\",\"data\":\"\xff\"}",
            "invalid utf-8 sequence of 1 bytes from index 21",
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","type":"reset"}"#,
            r#"type: "reset" is reserved for the hub"#,
        ),
        (
            "",
            JSON,
            br#"{"topic":"a","data":"a","type":"closing"}"#,
            r#"type: "closing" is reserved for the hub"#,
        ),
        (
            "?topic=a",
            JSON,
            br#"{"topic":"a","data":"a"}"#,
            "the query: ",
        ),
        (
            "",
            LINES,
            b"{\"topic\":\"a\",\"data\":\"a\"}\n\n{\"topic\":\"a\"}\n",
            "line 3: column 13: missing field `data`",
        ),
        (
            "",
            LINES,
            b"{\"topic\":\"a\",\"data\":\"a\"}\n{\"topic\":\"*\",\"data\":\"a\"}",
            "line 2: topic \"*\"",
        ),
        (
            "",
            FORM,
            b"topic=a&data=a&type=t%0Adata:+forged",
            "event type: LF at byte 1",
        ),
        ("", FORM, b"topic=a&data=%ff", "not UTF-8 when decoded"),
        ("", FORM, b"topic=a&data=a&data=b", "data: given twice"),
        (
            "",
            FORM,
            b"topic=a&data=a&id=1",
            "id: the hub gives each event its ID",
        ),
        ("", FORM, b"topic=a&data=a&x=1", r#"unknown field "x""#),
        ("", FORM, b"topic=a", "no data"),
        ("", FORM, many.as_bytes(), "more than 64 topics"),
        (
            "",
            FORM,
            long_key.as_bytes(),
            "key is 257 bytes, limit is 256",
        ),
        (
            "",
            FORM,
            long_topic.as_bytes(),
            "topic is 257 bytes, limit is 256",
        ),
        (
            "?topic=a&data=b",
            TEXT,
            b"a",
            "data: given in the body and in the query",
        ),
        (
            "?topic=a%0A",
            TEXT,
            b"a",
            r"topic has the control character '\n' at byte 1",
        ),
        (
            "?topic=%C0%80",
            TEXT,
            b"a",
            "the query: not UTF-8 when decoded",
        ),
    ];
    for (query, content_type, body, reason) in refused {
        let reply = hub.publish(query, content_type, body.to_vec()).await;
        let body = String::from_utf8_lossy(body);
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
        assert!(reply.text.contains(reason), "{body}: {}", reply.text);
    }
    let kinds = [
        "multipart/form-data; boundary=x",
        "image/png",
        "nonsense",
        "text/plain; charset=latin1",
    ];
    for content_type in kinds {
        let reply = hub.publish("?topic=a", content_type, "a").await;
        assert_eq!(reply.status, 415, "{content_type}");
        assert!(reply.text.starts_with("Content-Type: "), "{}", reply.text);
    }
    let forged = "a\r\n\r\nid: 7\ndata: forged\rretry: 1\r\n\r\n: \0";
    let id = hub.news("a", forged).await;
    let data = "a\n\nid: 7\ndata: forged\nretry: 1\n\n: \0";
    let only = ("message".to_owned(), id, data.to_owned());
    assert_eq!(follower.event().await, only);
    assert_eq!(hub.metric("sse_hub_published_total").await, 1);
}

#[tokio::test]
async fn only_those_with_the_token_may() {
    let hub = Hub::start([]);
    let headers = [
        None,
        Some("Bearer wrong".to_owned()),
        Some(format!("Bearer {TOKEN}x")),
        Some(format!("Basic {TOKEN}")),
        Some(TOKEN.to_owned()),
        Some("Bearer ".to_owned()),
    ];
    for header in headers {
        let mut request = hub.request(Method::POST, "/publish?topic=a");
        if let Some(header) = &header {
            request = request.header(AUTHORIZATION, header);
        }
        let reply = hub.send(request, "a").await;
        assert_eq!(reply.status, 401, "{header:?}: {}", reply.text);
        assert_eq!(reply.header("www-authenticate"), "Bearer");
        assert!(!reply.text.contains(TOKEN));
    }
    let reply = hub.get(&format!("/publish?access_token={TOKEN}")).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    assert_eq!(hub.metric("sse_hub_published_total").await, 0);
}

#[tokio::test]
async fn an_event_may_be_only_so_long() {
    let hub = Hub::start(["--max-event=1000"]);
    let data = "x".repeat(1000);
    assert_eq!(
        hub.publish("?topic=a", TEXT, data.clone()).await.status,
        200
    );
    let longer = format!("{data}x");
    let reply = hub.publish("?topic=a", TEXT, longer.clone()).await;
    assert_eq!(
        (reply.status, &*reply.text),
        (413, "data is 1001 bytes, limit is 1000\n")
    );
    let lines =
        format!("{{\"topic\":\"a\",\"data\":\"a\"}}\n{{\"topic\":\"a\",\"data\":\"{longer}\"}}");
    let reply = hub.publish("", LINES, lines).await;
    assert_eq!(
        (reply.status, &*reply.text),
        (413, "line 2: data is 1001 bytes, limit is 1000\n")
    );
    // Each line end of the data takes seven bytes on the wire.
    let many = r"\n".repeat(200);
    let lines =
        format!("{{\"topic\":\"a\",\"data\":\"a\"}}\n{{\"topic\":\"a\",\"data\":\"{many}\"}}");
    let reply = hub.publish("", LINES, lines).await;
    assert_eq!(
        (reply.status, &*reply.text),
        (413, "line 2: event is 1400 bytes, limit is 1000\n")
    );
    // The limit is 8 times 1000 bytes and 64 KiB. The length of this body is known, so the server does not read it.
    let reply = hub.publish("?topic=a", TEXT, "x".repeat(73_537)).await;
    assert_eq!(
        (reply.status, &*reply.text),
        (413, "the body has more than 73536 bytes\n")
    );
    assert_eq!(hub.metric("sse_hub_published_total").await, 1);
}

/// Checks that the limits apply to the parsed topics, and not only to the bytes of the body.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn topics_are_counted_while_they_are_read() {
    let form = format!("data=a{}", "&topic=a".repeat(1_000_000));
    let topics = ",\"a\"".repeat(2_000_000);
    let json = format!("{{\"data\":1,\"topics\":[\"a\"{topics}]}}");
    let line = format!("{{\"data\":1,\"topic\":\"a\"}}\n{json}");
    for (content_type, body) in [(FORM, form), (JSON, json), (LINES, line)] {
        let hub = Hub::start([]);
        let before = hub.peak_memory();
        let bytes = body.len() as u64;
        let reply = hub.publish("", content_type, body).await;
        assert_eq!(reply.status, 400, "{content_type}");
        assert!(reply.text.contains("more than 64 topics"), "{}", reply.text);
        let more = hub.peak_memory() - before;
        eprintln!("{content_type}: {bytes} bytes of body took {more} KiB");
        // The body and a copy, each with a capacity of up to twice its length.
        assert!(more * 1024 < 5 * bytes, "{content_type}: {more} KiB");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn lines_take_little_more_memory_than_the_body() {
    let hub = Hub::start([]);
    let before = hub.peak_memory();
    let body = "{\"topic\":\"a\",\"data\":1}\n".repeat(350_000) + "{}";
    let bytes = body.len() as u64;
    let reply = hub.publish("", LINES, body).await;
    assert_eq!(reply.status, 400);
    let more = hub.peak_memory() - before;
    eprintln!("{bytes} bytes of lines took {more} KiB");
    assert!(more * 1024 < 5 * bytes, "{more} KiB");
}

/// Checks the memory of many bodies at a time, each of which is within its own limit.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn long_bodies_share_a_bounded_memory() {
    const BODY_BYTES: usize = 7_000_000;
    const PUBLISHERS: usize = 30;
    let hub = Hub::start(["--max-event=8000000", "--keep-bytes=1"]);
    let before = hub.peak_memory();
    let publish = async || {
        let mut connection = TcpStream::connect(&hub.address).await.unwrap();
        let head = format!(
            "POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Length: {BODY_BYTES}\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let body = vec![b'x'; BODY_BYTES];
        let (last, body) = body.split_last().unwrap();
        connection.write_all(body).await.unwrap();
        // Meanwhile, the other bodies arrive up to their last byte, or wait for memory.
        sleep(Duration::from_secs(1)).await;
        connection.write_all(&[*last]).await.unwrap();
        let mut status = [0; "HTTP/1.1 200".len()];
        connection.read_exact(&mut status).await.unwrap();
        assert_eq!(status.as_slice(), b"HTTP/1.1 200");
    };
    let short = async {
        sleep(Duration::from_millis(500)).await;
        hub.news("b", "a short one does not wait").await
    };
    let all = async { tokio::join!(join_all((0..PUBLISHERS).map(|_| publish())), short) };
    timeout(test_timeout(), all).await.unwrap();
    let more = hub.peak_memory() - before;
    eprintln!("{PUBLISHERS} bodies of {BODY_BYTES} bytes took {more} KiB");
    // Memory for bodies, a copy of each body that becomes an event, and memory that the allocator keeps.
    assert!(more < 160 * 1024, "{more} KiB");
}
