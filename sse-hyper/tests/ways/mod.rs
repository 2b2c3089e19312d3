//! Public functions of `sse-proto` and `sse-hyper` through which strings of a caller become bytes that are sent.
//!
//! The test `forge` and the fuzz target `forge` call each of them. The test also checks that no public function is
//! missing here.
#![allow(dead_code, reason = "the fuzz target does not use everything")]

#[path = "../../../sse-proto/tests/support/mod.rs"]
mod support;

use std::{
    future::Future,
    pin::{Pin, pin},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body::Body;
use sse_hyper::{
    CloseEvent, Encoded, EventBody, EventStreamRequest, KeepAlive, StreamConfig, StreamTracker,
    last_event_id, last_event_id_in_query, no_content, parse_event_id, respond,
};
use sse_proto::{Comment, Event, EventCodec, EventId, EventType, MessageEvent};
use testkit::{Item, reference};
use tokio_util::codec::Encoder;

pub(crate) use support::strings;

/// Event type, data, ID and comment, each an arbitrary string.
pub(crate) type Text = [String; 4];

/// Bytes that were sent, and the items that a client must decode from them.
pub(crate) struct Sent {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// Function that turns strings into bytes that are sent.
pub(crate) type Way = fn(&Text) -> Sent;

/// Calls the function and checks that a client decodes exactly the expected items.
pub(crate) fn check(name: &str, way: Way, text: &Text) {
    let sent = way(text);
    let read = reference::interpret_with(&sent.bytes, usize::MAX);
    let shown = String::from_utf8_lossy(&sent.bytes);
    assert_eq!(
        read.items, sent.items,
        "{name}: {text:?} is sent as {shown:?}"
    );
    let unfinished = !sent.bytes.is_empty() && !sent.bytes.ends_with(b"\n\n");
    assert!(!unfinished, "{name}: {shown:?} ends inside a block");
}

/// The functions, each with its name in the list of the public API.
pub(crate) const WAYS: &[(&str, Way)] = &[
    ("EventType::new", |text| {
        with_type(text, EventType::new(text[0].clone()))
    }),
    ("EventType::from_static", |text| {
        let literal = leak(&text[0]);
        let checked = EventType::new(literal).map(|_| EventType::from_static(literal));
        with_type(text, checked)
    }),
    ("FromStr for EventType", |text| {
        with_type(text, EventType::from_str(&text[0]))
    }),
    ("TryFrom<&str> for EventType", |text| {
        with_type(text, EventType::try_from(&*text[0]))
    }),
    ("TryFrom<String> for EventType", |text| {
        with_type(text, EventType::try_from(text[0].clone()))
    }),
    ("EventId::new", |text| {
        with_id(text, EventId::new(text[2].clone()))
    }),
    ("EventId::from_static", |text| {
        let literal = leak(&text[2]);
        let checked = EventId::new(literal).map(|_| EventId::from_static(literal));
        with_id(text, checked)
    }),
    ("FromStr for EventId", |text| {
        with_id(text, EventId::from_str(&text[2]))
    }),
    ("TryFrom<&str> for EventId", |text| {
        with_id(text, EventId::try_from(&*text[2]))
    }),
    ("TryFrom<String> for EventId", |text| {
        with_id(text, EventId::try_from(text[2].clone()))
    }),
    ("From<u32> for EventId", |text| {
        with_number(text, number(text) as u32)
    }),
    ("From<u64> for EventId", |text| {
        with_number(text, number(text))
    }),
    ("From<usize> for EventId", |text| {
        with_number(text, number(text) as usize)
    }),
    ("From<i32> for EventId", |text| {
        with_number(text, number(text) as i32)
    }),
    ("From<i64> for EventId", |text| {
        with_number(text, number(text) as i64)
    }),
    ("Default for EventId", |text| {
        encoded(&Event::new(text[1].clone()).with_id(EventId::default()))
    }),
    ("Event::new", |text| {
        let event = Event::new(text[1].clone());
        assert_eq!(event.data(), text[1]);
        encoded(&event)
    }),
    ("Event::from_static", |text| {
        let literal = leak(&text[1]);
        let event = Event::from_static(literal);
        assert_eq!(event.data(), literal);
        encoded(&event)
    }),
    ("Default for Event", |_| encoded(&Event::default())),
    ("Event::json", json),
    ("Event::from_enum", variant),
    ("Event::try_with_type", |text| {
        let event = Event::new(text[1].clone()).try_with_type(&*text[0]);
        event.map_or_else(|_| nothing(), |event| encoded(&event))
    }),
    ("Event::try_with_id", |text| {
        let event = Event::new(text[1].clone()).try_with_id(&text[2]);
        event.map_or_else(|_| nothing(), |event| encoded(&event))
    }),
    ("Event::with_type", |text| encoded(&event(text))),
    ("Event::with_id", |text| encoded(&event(text))),
    ("Event::with_retry", |text| {
        encoded(&event(text).with_retry(Duration::from_nanos(number(text))))
    }),
    ("TryFrom<MessageEvent<T, I>> for Event", |text| {
        let [event_type, data, id, _] = text.clone();
        match Event::try_from(MessageEvent::new(event_type, data, id)) {
            Ok(event) => {
                assert_eq!(event.data(), text[1]);
                assert_eq!(event.last_event_id(), text[2]);
                let message = ["", "message"].contains(&&*text[0]);
                assert_eq!(
                    event.event_type(),
                    if message { "message" } else { &text[0] }
                );
                encoded(&event)
            }
            Err(error) => {
                let is_in = |text: &str| text.contains(error.character());
                assert!(is_in(&text[0]) || is_in(&text[2]));
                nothing()
            }
        }
    }),
    ("Event::encode", |text| encoded(&event(text))),
    ("Event::encode_with", |text| {
        let (event, id) = (event(text), id(text));
        let time = Duration::from_millis(number(text));
        let mut bytes = BytesMut::new();
        event.encode_with(id.as_ref(), Some(time), &mut bytes);
        let mut meant = Event::new(text[1].clone()).with_retry(time);
        if let Ok(event_type) = EventType::new(text[0].clone()) {
            meant = meant.with_type(event_type);
        }
        if let Some(id) = id {
            meant = meant.with_id(id);
        }
        Sent {
            bytes: bytes.to_vec(),
            ..encoded(&meant)
        }
    }),
    ("Display for Event", |text| {
        let event = event(text);
        Sent {
            bytes: event.to_string().into_bytes(),
            ..encoded(&event)
        }
    }),
    ("Comment::new", |text| {
        commented(text, Comment::new(&text[3]).to_string().into_bytes())
    }),
    ("Default for Comment", |text| Sent {
        bytes: Comment::default().to_string().into_bytes(),
        ..commented(&text.clone().map(|_| String::new()), Vec::new())
    }),
    ("Comment::encode", |text| {
        let mut bytes = Vec::new();
        Comment::new(&text[3]).encode(&mut bytes);
        commented(text, bytes)
    }),
    ("Display for Comment", |text| {
        commented(text, format!("{}", Comment::new(&text[3])).into_bytes())
    }),
    ("Encoder<Event> for EventCodec", |text| {
        let mut bytes = BytesMut::new();
        EventCodec::default()
            .encode(event(text), &mut bytes)
            .expect("an encoder that cannot fail");
        Sent {
            bytes: bytes.to_vec(),
            ..encoded(&event(text))
        }
    }),
    ("Encoder<Comment<'_>> for EventCodec", |text| {
        let mut bytes = BytesMut::new();
        let comment = Comment::new(&text[3]);
        EventCodec::default()
            .encode(comment, &mut bytes)
            .expect("an encoder that cannot fail");
        commented(text, bytes.to_vec())
    }),
    ("From<&Event> for Encoded", |text| Sent {
        bytes: Encoded::from(&event(text)).into_bytes().to_vec(),
        ..encoded(&event(text))
    }),
    ("CloseEvent::encoded", |text| {
        let close_event = CloseEvent::new(event(text));
        Sent {
            bytes: close_event.encoded(7).as_bytes().to_vec(),
            ..encoded(&of_own_type(text, "closing"))
        }
    }),
    ("CloseEvent::encode", |text| {
        let mut bytes = Vec::new();
        CloseEvent::new(event(text)).encode(7, &mut bytes);
        Sent {
            bytes,
            ..encoded(&of_own_type(text, "closing"))
        }
    }),
    ("Event::with_default_type", |text| {
        let plain = event(text).with_default_type(EventType::from_static("own"));
        Sent {
            bytes: plain.to_string().into_bytes(),
            ..encoded(&of_own_type(text, "own"))
        }
    }),
    ("From<Comment<'_>> for Encoded", |text| {
        commented(
            text,
            Encoded::from(Comment::new(&text[3])).as_bytes().to_vec(),
        )
    }),
    ("Display for Encoded", |text| Sent {
        bytes: Encoded::from(&event(text)).to_string().into(),
        ..encoded(&event(text))
    }),
    ("Default for Encoded", |_| Sent {
        bytes: Encoded::default().into_bytes().to_vec(),
        items: Vec::new(),
    }),
    ("Encoded::with_id", |text| {
        let id = id(text).unwrap_or_default();
        let bytes = Encoded::with_id(&event(text), &id).as_bytes().to_vec();
        Sent {
            bytes,
            ..encoded(&event(text).with_id(id))
        }
    }),
    ("Encoded::last_event_id", |text| {
        let id = id(text).unwrap_or_default();
        let parts = [Encoded::last_event_id(&id), Encoded::from(&Event::new("a"))];
        let bytes = Encoded::join(&parts).as_bytes().to_vec();
        Sent {
            bytes,
            ..encoded(&Event::new("a").with_id(id))
        }
    }),
    ("Encoded::join", |text| {
        let (comment, event) = (Encoded::from(Comment::new(&text[3])), event(text));
        let parts = [
            comment.clone(),
            Encoded::from(&event),
            Encoded::default(),
            comment,
        ];
        let comments = commented(text, Vec::new()).items;
        let items = [comments.clone(), encoded(&event).items, comments].concat();
        Sent {
            bytes: Encoded::join(&parts).as_bytes().to_vec(),
            items,
        }
    }),
    ("Encoded::events", |text| {
        let event = event(text);
        let again: Vec<Event> = Encoded::from(&event).events().collect();
        let mut bytes = Vec::new();
        again.iter().for_each(|event| event.encode(&mut bytes));
        let retry = Vec::from_iter(event.retry());
        assert!(retry.is_empty() && again.len() == 1);
        Sent {
            bytes,
            ..encoded(&event)
        }
    }),
    ("CloseEvent::new", |text| {
        let tracker = StreamTracker::new(StreamConfig::new(Hasty::default()));
        let body = tracker.body(stream::pending::<Event>());
        tracker.close(CloseEvent::new(event(text)));
        opened(body, encoded(&of_own_type(text, "closing")).items)
    }),
    ("CloseEvent::with_retry", |text| {
        let time = Duration::from_millis(number(text));
        let tracker = StreamTracker::new(StreamConfig::new(Hasty::default()));
        let body = tracker.body(stream::pending::<Event>());
        tracker.close(CloseEvent::new(event(text)).with_retry(time..=time));
        let last = of_own_type(text, "closing").with_retry(time);
        opened(body, encoded(&last).items)
    }),
    ("CloseEvent::with_id", |text| {
        let tracker = StreamTracker::new(StreamConfig::new(Hasty::default()));
        let body = tracker.body(stream::pending::<Event>());
        let (mut close_event, mut event) =
            (CloseEvent::new(event(text)), of_own_type(text, "closing"));
        if let Some(id) = id(text) {
            close_event = close_event.with_id(id.clone());
            event = event.with_id(id);
        }
        tracker.close(close_event);
        opened(body, encoded(&event).items)
    }),
    ("Default for CloseEvent", |_| {
        let tracker = StreamTracker::new(StreamConfig::new(Hasty::default()));
        let body = tracker.body(stream::pending::<Event>());
        tracker.close(CloseEvent::default());
        opened(body, Vec::new())
    }),
    ("StreamTracker::close", |text| {
        let tracker = StreamTracker::new(StreamConfig::new(Hasty::default()));
        tracker.close(CloseEvent::new(event(text)));
        opened(
            tracker.body(stream::pending::<Event>()),
            encoded(&of_own_type(text, "closing")).items,
        )
    }),
    ("KeepAlive::new", |_| {
        quiet(KeepAlive::new(), empty_comment())
    }),
    ("Default for KeepAlive", |_| {
        quiet(KeepAlive::default(), empty_comment())
    }),
    ("KeepAlive::interval", |text| {
        let interval = Duration::from_nanos(number(text) % 1_000_000_000);
        quiet(KeepAlive::new().interval(interval), empty_comment())
    }),
    ("KeepAlive::comment", |text| {
        let items = commented(text, Vec::new()).items;
        quiet(KeepAlive::new().comment(&text[3]), items)
    }),
    ("KeepAlive::event", |text| {
        quiet(
            KeepAlive::new().event(&event(text)),
            encoded(&of_own_type(text, "ping")).items,
        )
    }),
    ("StreamConfig::keep_alive", |text| {
        let items = commented(text, Vec::new()).items;
        quiet(KeepAlive::new().comment(&text[3]), items)
    }),
    ("StreamConfig::reconnection_time", |text| {
        let time = Duration::from_millis(number(text));
        let tracker =
            StreamTracker::new(StreamConfig::new(Hasty::default()).reconnection_time(time));
        let body = tracker.body(stream::iter([
            Encoded::default(),
            Encoded::from(&event(text)),
        ]));
        opened(body, encoded(&event(text).with_retry(time)).items)
    }),
    ("StreamConfig::reconnection_time_range", |text| {
        let time = Duration::from_millis(number(text));
        let tracker = StreamTracker::new(
            StreamConfig::new(Hasty::default()).reconnection_time_range(time..=time),
        );
        let body = tracker.body(stream::iter([
            Encoded::default(),
            Encoded::from(&event(text)),
        ]));
        opened(body, encoded(&event(text).with_retry(time)).items)
    }),
    ("StreamTracker::new", |text| {
        let tracker = StreamTracker::new(StreamConfig::new(Hasty::default()));
        opened(
            tracker.body(stream::iter([event(text)])),
            encoded(&event(text)).items,
        )
    }),
    ("Default for StreamTracker", |text| {
        let body = StreamTracker::default().body(stream::iter([event(text)]));
        opened(body, encoded(&event(text)).items)
    }),
    ("StreamTracker::body", |text| {
        let events = stream::iter([Arc::new(event(text))]);
        opened(
            StreamTracker::default().body(events),
            encoded(&event(text)).items,
        )
    }),
    ("StreamTracker::frames", |text| {
        let events = stream::iter([event(text)]);
        let mut frames = StreamTracker::default().frames(events, Instant::now());
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(frame)) = Pin::new(&mut frames).poll_frame(Instant::now(), &mut cx)
        else {
            panic!("no frame");
        };
        Sent {
            bytes: frame.to_vec(),
            items: encoded(&event(text)).items,
        }
    }),
    ("StreamTracker::respond", |text| {
        let events = stream::iter([event(text)]);
        let response = StreamTracker::default().respond(&Request::new(()), events);
        opened(response.into_body(), encoded(&event(text)).items)
    }),
    ("EventBody::new", |text| {
        let events = [event(text), event(text)];
        let mut items = encoded(&events[0]).items;
        items.extend(support::as_decoded(&events[1], &items));
        opened(EventBody::new(stream::iter(events)), items)
    }),
    ("EventBody::into_response", |text| {
        let body = EventBody::new(stream::iter([Encoded::from(&event(text))]));
        opened(
            body.into_response().into_body(),
            encoded(&event(text)).items,
        )
    }),
    ("respond", |text| {
        let response = respond(&Request::new(()), stream::iter([event(text)]));
        opened(response.into_body(), encoded(&event(text)).items)
    }),
    ("EventStreamRequest::respond", |text| {
        let events = stream::iter([event(text)]);
        let response = EventStreamRequest::new(&Request::new(())).respond(events);
        opened(response.into_body(), encoded(&event(text)).items)
    }),
    ("StreamTracker::request", |text| {
        let request = StreamTracker::default().request(&Request::new(()));
        let results = [Ok(event(text)), Err(CloseEvent::new(event(text)))];
        let mut items = encoded(&event(text)).items;
        items.extend(support::as_decoded(&of_own_type(text, "closing"), &items));
        opened(request.respond(stream::iter(results)).into_body(), items)
    }),
    ("StreamTracker::close_on", |text| {
        let tracker = StreamTracker::new(StreamConfig::new(Hasty::default()));
        let body = tracker.body(stream::pending::<Event>());
        futures_executor::block_on(tracker.close_on(async {}, CloseEvent::new(event(text))));
        opened(body, encoded(&of_own_type(text, "closing")).items)
    }),
    ("no_content", |_| Sent {
        bytes: collect(no_content::<stream::Empty<Event>>().into_body(), usize::MAX),
        items: Vec::new(),
    }),
    ("last_event_id", |text| {
        let id = last_event_id(&headers(text)).ok().flatten();
        encoded(&Event::new("a").with_id(id.unwrap_or_default()))
    }),
    ("EventStreamRequest::last_event_id", |text| {
        let id: Option<EventId> = request(text).last_event_id();
        encoded(&Event::new("a").with_id(id.unwrap_or_default()))
    }),
    ("EventStreamRequest::try_last_event_id", |text| {
        let id: Option<EventId> = request(text).try_last_event_id().ok().flatten();
        encoded(&Event::new("a").with_id(id.unwrap_or_default()))
    }),
    ("EventStreamRequest::last_event_id_or_query", |text| {
        let id: Option<EventId> = request(text).last_event_id_or_query("id");
        encoded(&Event::new("a").with_id(id.unwrap_or_default()))
    }),
    ("last_event_id_in_query", |text| {
        let id = uri(text).map(|uri| last_event_id_in_query(&uri, "id").ok().flatten());
        encoded(&Event::new("a").with_id(id.flatten().unwrap_or_default()))
    }),
    ("parse_event_id", |text| {
        let id = parse_event_id::<EventId>(id(text).as_ref());
        encoded(&Event::new("a").with_id(id.ok().flatten().unwrap_or_default()))
    }),
];

/// Returns the event of these strings, without the type or ID that is invalid.
fn event(text: &Text) -> Event {
    let mut event = Event::new(text[1].clone());
    if let Ok(event_type) = EventType::new(text[0].clone()) {
        event = event.with_type(event_type);
    }
    match id(text) {
        Some(id) => event.with_id(id),
        None => event,
    }
}

/// Returns the event of these strings with the type that the server gives to its own events.
fn of_own_type(text: &Text, own_type: &'static str) -> Event {
    let event = event(text);
    match event.event_type() {
        "message" => event.with_type(EventType::new(own_type).expect("a type without a line end")),
        _ => event,
    }
}

fn id(text: &Text) -> Option<EventId> {
    EventId::new(text[2].clone()).ok()
}

/// Returns headers with the ID of these strings, if a header can have it.
fn headers(text: &Text) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(text[2].as_bytes()) {
        headers.insert("last-event-id", value);
    }
    headers
}

/// Returns a URI whose query has the ID of these strings.
fn uri(text: &Text) -> Option<Uri> {
    let query = text[2].bytes().map(|byte| format!("%{byte:02x}"));
    Uri::try_from(format!("/?id={}", query.collect::<String>())).ok()
}

/// Returns a request with the ID of these strings in its headers and in its query.
fn request(text: &Text) -> EventStreamRequest {
    let mut request = Request::new(());
    *request.headers_mut() = headers(text);
    *request.uri_mut() = uri(text).unwrap_or_default();
    EventStreamRequest::new(&request)
}

/// Returns a number that depends on the strings.
fn number(text: &Text) -> u64 {
    text.iter()
        .flat_map(|part| part.bytes())
        .fold(0, |number: u64, byte| {
            number.wrapping_mul(257).wrapping_add(byte.into())
        })
}

/// Returns a `&'static str` that depends on the text, like a literal in a program.
fn leak(text: &str) -> &'static str {
    const LITERALS: [&str; 6] = ["", "a", "a\nb", "a\rdata: b", "\r\n", "a\0"];
    LITERALS[text.len() % LITERALS.len()]
}

fn encoded(event: &Event) -> Sent {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    Sent {
        bytes,
        items: support::as_decoded(event, &[]),
    }
}

fn nothing() -> Sent {
    Sent {
        bytes: Vec::new(),
        items: Vec::new(),
    }
}

/// Returns an event with the type that a constructor made of the first string, or nothing if that failed.
fn with_type<E>(text: &Text, event_type: Result<EventType, E>) -> Sent {
    match event_type {
        Ok(event_type) => encoded(&Event::new(text[1].clone()).with_type(event_type)),
        Err(_) => nothing(),
    }
}

/// Returns an event with the ID that a constructor made of the third string, or nothing if that failed.
fn with_id<E>(text: &Text, id: Result<EventId, E>) -> Sent {
    match id {
        Ok(id) => encoded(&Event::new(text[1].clone()).with_id(id)),
        Err(_) => nothing(),
    }
}

/// Returns an event with the ID that a conversion made of the number.
fn with_number<N: Copy + ToString + Into<EventId>>(text: &Text, number: N) -> Sent {
    let event = Event::new(text[1].clone()).with_id(number);
    assert_eq!(event.last_event_id(), number.to_string());
    encoded(&event)
}

/// Returns these bytes with the items of the comment.
fn commented(text: &Text, bytes: Vec<u8>) -> Sent {
    let lines = support::as_read(&text[3]);
    let items = lines.split('\n').map(|line| Item::Comment(line.to_owned()));
    Sent {
        bytes,
        items: items.collect(),
    }
}

fn empty_comment() -> Vec<Item> {
    vec![Item::Comment(String::new())]
}

#[cfg(feature = "json")]
fn json(text: &Text) -> Sent {
    let event = Event::json(&text[1]).expect("a string can be JSON");
    encoded(&event)
}

#[cfg(not(feature = "json"))]
fn json(_: &Text) -> Sent {
    nothing()
}

/// Sends a variant. `enum_events.rs` of sse-proto has the names that are not valid, which are static.
#[cfg(feature = "json")]
fn variant(text: &Text) -> Sent {
    let variant = Ok::<_, ()>(&text[1]);
    encoded(&Event::from_enum(&variant).expect("a variant with a string"))
}

#[cfg(not(feature = "json"))]
fn variant(_: &Text) -> Sent {
    nothing()
}

/// Reads a body to its end. It must begin with an empty comment.
fn opened<B: Body<Data = Bytes>>(body: B, items: Vec<Item>) -> Sent {
    Sent {
        bytes: collect(body, usize::MAX),
        items: [empty_comment(), items].concat(),
    }
}

/// Reads a body of an idle stream up to its first keep-alive.
fn quiet(keep_alive: KeepAlive, items: Vec<Item>) -> Sent {
    let config = StreamConfig::new(Hasty::default()).keep_alive(keep_alive);
    let body = StreamTracker::new(config).body(stream::pending::<Event>());
    Sent {
        bytes: collect(body, 2),
        items: [empty_comment(), items].concat(),
    }
}

/// Returns the bytes of at most `frames` frames.
fn collect<B: Body<Data = Bytes>>(body: B, frames: usize) -> Vec<u8> {
    let mut body = pin!(body);
    let frames = stream::poll_fn(move |cx| body.as_mut().poll_frame(cx)).take(frames);
    let bytes = frames.map(|frame| match frame {
        Ok(frame) => frame.into_data().unwrap_or_default(),
        Err(_) => Bytes::new(),
    });
    futures_executor::block_on(bytes.collect::<Vec<Bytes>>()).concat()
}

/// Timer whose clock moves one hour ahead on each call of `now`.
#[derive(Default)]
struct Hasty(AtomicU64);

struct Passed;

impl Future for Passed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl hyper::rt::Sleep for Passed {}

impl hyper::rt::Timer for Hasty {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Passed)
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Passed)
    }

    fn now(&self) -> Instant {
        let hours = self.0.fetch_add(1, Ordering::Relaxed);
        *START + Duration::from_secs(3600 * hours)
    }
}

static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
