//! Tests that a stream that is always ready yields to other tasks: each public function, and a whole connection.

use std::{
    future::poll_fn,
    io::{Read as _, Write as _},
    net::TcpStream,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body::Body;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sse_hyper::{
    Encoded, Event, EventBody, EventStream, KeepAlive, StreamConfig, StreamTracker, respond,
};
use testkit::poll_time::{assert_short, assert_yields, longest_poll, undisturbed};
use tokio::net::TcpListener;

/// Polls the body like a server whose connection can always take more. Returns the number of bytes.
///
/// It stops when the body ends, or has returned `Pending` `turns` times.
async fn drain<B: Body<Data = Bytes>>(body: B, turns: usize) -> usize {
    let mut body = pin!(body);
    let (mut bytes, mut pending) = (0, 0);
    poll_fn(move |cx| {
        loop {
            match body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    bytes += frame.into_data().map_or(0, |data| data.len())
                }
                Poll::Ready(_) => return Poll::Ready(bytes),
                Poll::Pending => break,
            }
        }
        pending += 1;
        match pending {
            _ if pending == turns => Poll::Ready(bytes),
            _ => Poll::Pending,
        }
    })
    .await
}

/// Returns streams that are always ready, each with a name for its items.
fn endless() -> Vec<(&'static str, Vec<stream::BoxStream<'static, Encoded>>)> {
    let encoded = |event: Event| Encoded::from(&event);
    vec![
        ("nothing", vec![stream::repeat(Encoded::default()).boxed()]),
        (
            "nothing, out of joined nothing",
            vec![
                stream::repeat_with(|| Encoded::join(&[Encoded::default(), Encoded::default()]))
                    .boxed(),
            ],
        ),
        (
            "an empty event",
            vec![stream::repeat(encoded(Event::new(""))).boxed()],
        ),
        (
            "a large event",
            vec![stream::repeat(encoded(Event::new("x".repeat(100_000)))).boxed()],
        ),
        (
            "an event after very much of nothing",
            vec![
                stream::iter((0_u64..).map(move |n| match n % 100_000 {
                    0 => encoded(Event::new("a")),
                    _ => Encoded::default(),
                }))
                .boxed(),
            ],
        ),
    ]
}

#[test]
fn an_event_body_yields() {
    undisturbed(|| {
        for (what, streams) in endless() {
            for events in streams {
                assert_yields(what, drain(EventBody::new(events), 50));
            }
        }
        assert_yields(
            "events",
            drain(EventBody::new(stream::repeat(Event::new("a"))), 50),
        );
        let shared = Arc::new(Event::new("a"));
        assert_yields(
            "shared events",
            drain(EventBody::new(stream::repeat(shared)), 50),
        );
    });
}

#[test]
fn tracked_bodies_and_responses_yield() {
    undisturbed(|| {
        for (what, streams) in endless() {
            for events in streams {
                assert_yields(what, async {
                    drain(StreamTracker::default().body(events), 50).await
                });
            }
        }
        for (what, streams) in endless() {
            for events in streams {
                let body =
                    async { drain(respond(&Request::new(()), events).into_body(), 50).await };
                assert_yields(what, body);
            }
        }
        let keep_alive = KeepAlive::new().interval(Duration::ZERO).comment("");
        let streams = StreamTracker::new(StreamConfig::default().keep_alive(keep_alive));
        assert_yields("keep-alive without an interval", async move {
            drain(streams.body(stream::pending::<Event>()), 20).await
        });
    });
}

#[test]
fn a_stream_of_results_yields() {
    undisturbed(|| {
        let results = stream::repeat_with(|| Ok::<_, std::io::Error>(Encoded::default()));
        assert_yields("results", drain(EventBody::new(results), 50));
    });
}

#[test]
fn no_event_is_lost_when_a_body_yields() {
    undisturbed(|| {
        const EVENTS: usize = 100_000;
        let block = Event::new("a").to_string();
        let events = stream::iter((0..EVENTS).map(|n| match n % 2 {
            0 => Encoded::from(&Event::new("a")),
            _ => Encoded::default(),
        }));
        let bytes = assert_yields("100,000 of them", drain(EventBody::new(events), usize::MAX));
        assert_eq!(bytes, ":\n\n".len() + EVENTS / 2 * block.len());
    });
}

/// Measures the polls of a whole connection whose client reads as fast as it can.
#[test]
fn a_connection_yields() {
    undisturbed(|| {
        connection("events", || {
            stream::repeat(Event::new("some text of an event"))
        });
        connection("large events", || {
            stream::repeat(Event::new("x".repeat(100_000)))
        });
        connection("encoded events", || {
            stream::repeat(Encoded::from(&Event::new("a")))
        });
    });
}

fn connection<S>(what: &str, events: impl Fn() -> S)
where
    S: EventStream + Send + 'static,
{
    const READ: u64 = 16 << 20;
    // hyper may poll a body again after it has yielded, up to 16 times in one poll of the connection. A body that never
    // yields takes seconds.
    const MAX_POLL: Duration = Duration::from_millis(400);
    let events = &events;
    let ((), longest) = longest_poll(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let client = thread::spawn(move || {
            let mut client = TcpStream::connect(address).expect("a connection");
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .expect("a request");
            let read = std::io::copy(&mut client.take(READ), &mut std::io::sink());
            assert_eq!(read.expect("a stream"), READ);
        });
        let (socket, _) = listener.accept().await.expect("a client");
        let service = service_fn(move |request| {
            let response = respond(&request, events());
            async { Ok::<_, std::convert::Infallible>(response) }
        });
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(socket), service)
            .await;
        client.join().expect("a client that reads everything");
    });
    assert_short(what, longest, MAX_POLL);
}

/// A body that yields wakes its own task, so it needs no other waker.
#[test]
fn a_body_that_yields_wakes_its_task() {
    let (waker, count) = count_waker();
    let mut body = Box::pin(EventBody::new(stream::repeat(Encoded::default())));
    let mut cx = Context::from_waker(&waker);
    let opening = body.as_mut().poll_frame(&mut cx);
    assert!(matches!(opening, Poll::Ready(Some(Ok(_)))));
    for turn in 1..10 {
        assert!(body.as_mut().poll_frame(&mut cx).is_pending());
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), turn);
    }
}

fn count_waker() -> (std::task::Waker, Arc<std::sync::atomic::AtomicUsize>) {
    struct Count(Arc<std::sync::atomic::AtomicUsize>);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let count = Arc::default();
    (Arc::new(Count(Arc::clone(&count))).into(), count)
}
