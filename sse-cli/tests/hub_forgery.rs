//! Values of `testdata/forgery/` that are published by `sse hub`: a subscriber gets them as they were given, or the hub
//! refuses them.
#![cfg(feature = "hub")]

mod support;

use std::collections::BTreeSet;

use http::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};
use support::{
    hub::{Hub, Reply, TOKEN},
    mercure::{MercureHub, PATH, form},
};
use testkit::{Item, forgery::forgeries, reference, timeout::test_timeout};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

/// Data of an event after which a subscriber stops.
const END: &str = "the last event of this test";

/// Topic of events whose topic is not hostile.
const TOPIC: &str = "harmless";

/// Returns all values, each of which is tried in each field.
fn values() -> BTreeSet<String> {
    forgeries()
        .into_iter()
        .map(|forgery| forgery.value)
        .collect()
}

/// Returns the text as a subscriber gets it.
fn received(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

/// Checks that a refusal is an error of the client, and says which field is wrong.
fn check_refusal(reply: &Reply, name: &str, value: &str) {
    assert!(
        (400..500).contains(&reply.status),
        "{name} {value:?}: {reply:?}"
    );
    assert!(reply.text.contains(name), "{name} {value:?}: {reply:?}");
    // A reason is one line, whatever the value has.
    let lines = reply.text.trim_end_matches('\n');
    assert!(
        !lines.contains(['\r', '\n', '\0']),
        "{name} {value:?}: {reply:?}"
    );
}

/// Subscriber that keeps the bytes of its response.
struct RawSubscriber(JoinHandle<Vec<u8>>);

impl RawSubscriber {
    async fn start(address: &str, path: &str) -> Self {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        // The head and the first bytes show that the stream is open.
        while body(&response).is_none_or(|body| body.is_empty()) {
            read(&mut connection, &mut response).await;
        }
        Self(tokio::spawn(async move {
            let end = format!("data: {END}\n\n").into_bytes();
            loop {
                let body = body(&response).unwrap();
                if body.ends_with(&end) {
                    return body;
                }
                read(&mut connection, &mut response).await;
            }
        }))
    }

    /// Checks that the subscriber got these events and no other one: type, ID and data.
    async fn check(self, expected: Vec<[String; 3]>) {
        let body = timeout(test_timeout(), self.0).await.unwrap().unwrap();
        let mut events = Vec::new();
        for item in reference::interpret(&body).items {
            match item {
                Item::Event {
                    event_type,
                    data,
                    last_event_id,
                } if event_type != "position" => events.push([event_type, last_event_id, data]),
                Item::Event { .. } | Item::Comment(_) => {}
                // The hub may send one at the start.
                Item::Retry(_) if events.is_empty() => {}
                item => panic!("forged: {item:?}"),
            }
        }
        let end = events.pop().unwrap();
        assert_eq!(end[2], END);
        for (event, expected) in events.iter().zip(&expected) {
            assert_eq!(event, expected);
        }
        assert_eq!(events.len(), expected.len());
    }
}

async fn read(connection: &mut TcpStream, response: &mut Vec<u8>) {
    let reading = timeout(test_timeout(), connection.read_buf(response));
    assert_ne!(
        reading.await.unwrap().unwrap(),
        0,
        "the hub ended the stream"
    );
}

/// Returns the body of a response of HTTP/1.1, up to the last whole chunk.
fn body(response: &[u8]) -> Option<Vec<u8>> {
    let find = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|at| at == part);
    let head = find(response, b"\r\n\r\n")?;
    assert!(response.starts_with(b"HTTP/1.1 200 "));
    let (mut rest, mut body) = (&response[head + 4..], Vec::new());
    while let Some(end) = find(rest, b"\r\n") {
        let length = str::from_utf8(&rest[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        let Some(chunk) = rest.get(end + 2..end + 2 + length + 2) else {
            break;
        };
        body.extend_from_slice(&chunk[..length]);
        rest = &rest[end + 2 + length + 2..];
    }
    Some(body)
}

/// Publishes fields of an event, in each format that the hub takes.
async fn publish_in_each_format(hub: &Hub, fields: &[(&str, &str)]) -> Vec<Reply> {
    let object: serde_json::Map<_, _> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let object = Value::Object(object).to_string();
    let data = fields.iter().find(|(name, _)| *name == "data").unwrap().1;
    let others: Vec<_> = fields
        .iter()
        .copied()
        .filter(|(name, _)| *name != "data")
        .collect();
    let query = format!("?{}", form(&others));
    let form = form(fields);
    vec![
        hub.publish("", "application/json", object.clone()).await,
        hub.publish("", "application/x-ndjson", object).await,
        hub.publish("", "application/x-www-form-urlencoded", form)
            .await,
        hub.publish(&query, "text/plain", data.to_owned()).await,
    ]
}

/// Returns the ID of a publication that was accepted.
fn id(reply: &Reply) -> String {
    let answer: Value = serde_json::from_str(&reply.text).unwrap();
    let id = answer.get("id").unwrap_or_else(|| &answer["ids"][0]);
    id.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_publication_forges_a_field() {
    let hub = Hub::start([]);
    let subscriber = RawSubscriber::start(&hub.address, "/events?topic=**").await;
    let mut expected = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for value in values() {
        for name in ["data", "type", "topic", "key", "id"] {
            let mut fields = vec![(name, &*value)];
            for (other, harmless) in [("topic", TOPIC), ("data", "harmless")] {
                if other != name {
                    fields.push((other, harmless));
                }
            }
            for reply in publish_in_each_format(&hub, &fields).await {
                if reply.status != 200 {
                    check_refusal(&reply, name, &value);
                    assert_ne!(name, "data", "{value:?}: {reply:?}");
                    refused += 1;
                    continue;
                }
                assert_ne!(name, "id");
                accepted += 1;
                let [event_type, data] = match name {
                    "type" => [value.clone(), "harmless".to_owned()],
                    "data" => ["message".to_owned(), received(&value)],
                    _ => ["message".to_owned(), "harmless".to_owned()],
                };
                expected.push([event_type, id(&reply), data]);
            }
        }
    }
    hub.news(TOPIC, END).await;
    subscriber.check(expected).await;
    assert!(accepted > 400 && refused > 400, "{accepted} {refused}");
}

#[tokio::test]
async fn no_update_of_mercure_forges_a_field() {
    let hub = MercureHub::start(["--mercure-anonymous"]);
    let path = format!("{PATH}?match=*");
    let subscriber = RawSubscriber::start(&hub.hub.address, &path).await;
    let mut expected = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for value in values() {
        for name in ["data", "type", "topic", "id", "retry"] {
            let mut fields = vec![(name, &*value)];
            for (other, harmless) in [("topic", TOPIC), ("data", "harmless")] {
                if other != name {
                    fields.push((other, harmless));
                }
            }
            let reply = hub.publish(&fields).await;
            if reply.status != 200 {
                check_refusal(&reply, name, &value);
                assert_ne!(name, "data", "{value:?}: {reply:?}");
                refused += 1;
                continue;
            }
            assert_ne!(name, "retry");
            accepted += 1;
            let [event_type, data] = match name {
                "type" => [value.clone(), "harmless".to_owned()],
                "data" => ["message".to_owned(), received(&value)],
                _ => ["message".to_owned(), "harmless".to_owned()],
            };
            if name == "id" {
                assert_eq!(reply.text, value);
            }
            expected.push([event_type, reply.text, data]);
        }
    }
    hub.update(&[("topic", TOPIC), ("data", END)]).await;
    subscriber.check(expected).await;
    assert!(accepted > 80 && refused > 80, "{accepted} {refused}");
}

/// A publisher can send any bytes as the body, also bytes that are not encoded as a form.
#[tokio::test]
async fn no_raw_body_forges_a_field() {
    let hub = Hub::start([]);
    let subscriber = RawSubscriber::start(&hub.address, "/events?topic=**").await;
    let mut expected = Vec::new();
    for value in values() {
        for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
            let (query, body) = match content_type {
                "text/plain" => ("?topic=a", value.clone()),
                _ => ("", format!("topic=a&data={value}")),
            };
            let request = hub
                .request(Method::POST, &format!("/publish{query}"))
                .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
                .header("content-type", content_type);
            let reply = hub.send(request, body.clone()).await;
            if reply.status == 200 {
                let data = match content_type {
                    "text/plain" => received(&value),
                    _ => form_urlencoded::parse(body.as_bytes())
                        .find(|(name, _)| name == "data")
                        .map(|(_, data)| received(&data))
                        .unwrap(),
                };
                expected.push(["message".to_owned(), id(&reply), data]);
            } else {
                assert_eq!(reply.status, 400, "{value:?}: {reply:?}");
            }
        }
    }
    hub.news("a", END).await;
    subscriber.check(expected).await;
}
