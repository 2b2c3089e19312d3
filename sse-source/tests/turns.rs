//! Fairness: other tasks of the thread run, whatever a server sends and however the caller reads it.

mod support;

use core::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use sse_source::{BoxError, Builder, ClientConfig, Error, EventSource, Item, Transport};
use testkit::poll_time::{assert_yields, undisturbed};
use tower::service_fn;

/// Body that always has another frame ready, up to a number of frames.
struct Always {
    frame: Bytes,
    left: usize,
}

impl Body for Always {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(self.frame.clone()))))
    }
}

/// Returns a transport that responds at once, with `count` frames in each response.
fn transport(status: StatusCode, frame: &'static [u8], count: usize) -> Transport {
    Transport::from_service(service_fn(move |_: Request<Full<Bytes>>| async move {
        let body = Always {
            frame: Bytes::from_static(frame),
            left: count,
        };
        let response = Response::builder().status(status);
        response
            .header(CONTENT_TYPE, "text/event-stream")
            .body(body)
    }))
}

fn builder(transport: Transport) -> Builder {
    EventSource::get("http://localhost/")
        .config(at_once())
        .transport(transport)
}

/// Returns a configuration without delays.
fn at_once() -> ClientConfig {
    ClientConfig::default()
        .reconnection_time(Duration::ZERO)
        .min_delay(Duration::ZERO)
        .max_delay(Duration::ZERO)
        .max_event_bytes(1024)
}

/// Frames that give no items, few items and many items, and the number of times that each is sent.
const FRAMES: [(&str, &[u8], usize); 8] = [
    ("empty frames", b"", 600_000),
    ("blank lines", b"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 200_000),
    ("unknown fields", b"x: y\nx: y\nx: y\n", 200_000),
    ("blocks without data", b"event: a\n\nevent: b\n\n", 100_000),
    ("an event without an end", b"data: 123456789\n", 200_000),
    ("comments", b":\n:\n:\n:\n", 50_000),
    ("events", b"data\n\ndata: 1\n\n", 50_000),
    ("times", b"retry: 0\n", 50_000),
];

async fn read_to_end(name: &str, mut source: EventSource) -> usize {
    let mut count = 0;
    loop {
        match source.next().await {
            Some(Ok(Item::Disconnected(_))) => return count,
            Some(Ok(_)) => count += 1,
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn an_event_source_yields() {
    undisturbed(|| {
        for (name, frame, count) in FRAMES {
            let transport = transport(StatusCode::OK, frame, count);
            assert_yields(name, async {
                read_to_end(name, builder(transport).build().unwrap()).await
            });
        }
    });
}

#[test]
fn the_events_of_one_response_yield() {
    undisturbed(|| {
        for (name, frame, count) in FRAMES {
            let transport = transport(StatusCode::OK, frame, count);
            assert_yields(name, async {
                let mut events = builder(transport).send().await.unwrap();
                while let Some(item) = events.next().await {
                    item.unwrap();
                }
            });
        }
    });
}

#[test]
fn it_yields_also_where_tokio_sets_no_budget() {
    undisturbed(|| {
        for (name, frame, count) in FRAMES {
            let transport = transport(StatusCode::OK, frame, count);
            let source = async { read_to_end(name, builder(transport).build().unwrap()).await };
            assert_yields(name, tokio::task::unconstrained(source));
        }
    });
}

/// Checks that a very large frame is read in turns. Frames have no maximum size.
#[test]
fn a_frame_of_any_size_yields() {
    undisturbed(|| {
        for byte in [b"\n", b"x", b"\xff"] {
            let frame: &'static [u8] = byte.repeat(64 << 20).leak();
            let transport = transport(StatusCode::OK, frame, 1);
            let name = format!("64 MiB of {byte:?}");
            assert_yields(&name, async {
                read_to_end(&name, builder(transport).build().unwrap()).await
            });
        }
    });
}

/// Checks that a large event is decoded in turns. Growing its buffer and returning it take as long as copying it.
#[test]
fn a_large_event_yields() {
    undisturbed(|| {
        let event = [&b"data: 123456789\n".repeat(1 << 18)[..], b"\n"].concat();
        let transport = transport(StatusCode::OK, event.leak(), 1);
        assert_yields("an event of 4 MiB", async {
            let config = at_once().max_event_bytes(sse_proto::DEFAULT_MAX_EVENT_BYTES);
            let source = builder(transport).config(config).build().unwrap();
            assert_eq!(read_to_end("an event", source).await, 2);
        });
    });
}

#[test]
fn what_a_refusal_says_is_read_in_turns() {
    undisturbed(|| {
        let transport = transport(StatusCode::FORBIDDEN, b"", 600_000);
        assert_yields("a refusal of empty frames", async {
            let mut source = builder(transport).build().unwrap();
            let error = support::error(&mut source).await;
            assert!(matches!(error, Error::UnexpectedResponse(_)), "{error}");
        });
    });
}

#[test]
fn connections_that_fail_at_once_yield() {
    undisturbed(|| {
        let transport = Transport::from_service(service_fn(|_: Request<Full<Bytes>>| async {
            Err::<Response<Full<Bytes>>, BoxError>("nothing is there".into())
        }));
        assert_yields("attempts that fail", async {
            let mut source = builder(transport).build().unwrap();
            for _ in 0..5_000 {
                let item = source.next().await;
                assert!(matches!(item, Some(Ok(Item::Disconnected(_)))), "{item:?}");
            }
        });
    });
}

#[test]
fn connections_that_end_at_once_yield() {
    undisturbed(|| {
        let transport = transport(StatusCode::OK, b"", 0);
        assert_yields("streams that end", async {
            let mut source = builder(transport).build().unwrap();
            for _ in 0..10_000 {
                source.next().await.unwrap().unwrap();
            }
        });
    });
}

#[test]
fn redirects_yield() {
    undisturbed(|| {
        let transport = Transport::from_service(service_fn(|_: Request<Full<Bytes>>| async {
            let body = Always {
                frame: Bytes::new(),
                left: usize::MAX,
            };
            let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
            response.header("location", "/").body(body.boxed_unsync())
        }));
        assert_yields("redirects", async {
            let request = builder(transport).map_request(|request| async { Ok(request) });
            let source = request.send();
            // The last redirect is refused. Its body never ends.
            let error = source.await.unwrap_err();
            assert!(matches!(error, Error::UnexpectedResponse(_)), "{error}");
        });
    });
}

/// Checks that a flood of commands takes no memory, and does not block the stream.
#[test]
fn commands_are_done_once() {
    undisturbed(|| {
        let transport = transport(StatusCode::OK, b"data: 1\n\n", 1);
        assert_yields("commands", async {
            let mut source = builder(transport).build().unwrap();
            let handle = source.handle();
            assert!(matches!(source.next().await, Some(Ok(Item::Open(_)))));
            let allocated = allocation_counter::measure(|| {
                for _ in 0..10_000 {
                    handle.reconnect();
                }
            });
            assert_eq!(allocated.bytes_total, 0);
            assert!(matches!(
                source.next().await,
                Some(Ok(Item::Disconnected(_)))
            ));
            assert!(matches!(source.next().await, Some(Ok(Item::Open(_)))));
            assert!(matches!(source.next().await, Some(Ok(Item::Event(_)))));
            for _ in 0..100 {
                handle.close();
                handle.reconnect();
            }
            assert!(source.next().await.is_none());
        });
    });
}

/// Reconnects as soon as each connection is open.
#[test]
fn commands_in_a_loop_yield() {
    undisturbed(|| {
        let transport = transport(StatusCode::OK, b"", usize::MAX);
        assert_yields("commands in a loop", async {
            let mut source = builder(transport).build().unwrap();
            let handle = source.handle();
            let mut opened = 0;
            while opened < 5_000 {
                match source.next().await {
                    Some(Ok(Item::Open(_))) => {
                        opened += 1;
                        handle.reconnect();
                    }
                    Some(Ok(Item::Disconnected(_))) => {}
                    other => panic!("{other:?}"),
                }
            }
        });
    });
}
