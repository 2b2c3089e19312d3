//! Server of events on hyper alone, for HTTP/1 and HTTP/2:
//!
//! ```text
//! cargo run -p sse-hyper --example hyper
//! curl -N 127.0.0.1:8080/events
//! ```
//!
//! curl prints an event each second. A client that reconnects with `Last-Event-ID: 7` gets the eighth event next.
//! On Ctrl-C or SIGTERM every client gets a last event, and then the server ends.

use std::{convert::Infallible, env, io, pin::pin, time::Duration};

use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use http::{Request, Response, StatusCode};
use http_body_util::Either;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use sse_hyper::{CloseEvent, Event, EventBody, EventId, StreamTracker};
use tokio::{
    net::TcpListener,
    signal::ctrl_c,
    time::{sleep, timeout},
};

/// Time for which the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

type Body = Either<EventBody<BoxStream<'static, Event>>, String>;

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/events");
    let (tracker, connections) = (StreamTracker::default(), GracefulShutdown::new());
    let mut signal = pin!(shutdown_signal());
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut signal => break,
        };
        let Ok((connection, _)) = connection else {
            // For example, too many files are open. Some will be closed soon.
            sleep(Duration::from_secs(1)).await;
            continue;
        };
        let tracker = tracker.clone();
        let service = service_fn(move |request| {
            let response = respond(&tracker, &request);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(connection), service)
            .into_owned();
        // The result is ignored: a client that disconnects early is not an error of the server.
        tokio::spawn(connections.watch(connection));
    }
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    tracker.close(CloseEvent::new(Event::new("back soon")).with_retry(spread));
    let _ = timeout(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
    Ok(())
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM.
async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
        tokio::select! {
            _ = ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = ctrl_c().await;
}

fn respond(tracker: &StreamTracker, request: &Request<Incoming>) -> Response<Body> {
    if request.uri().path() != "/events" {
        return refusal(StatusCode::NOT_FOUND, "the events are at /events");
    }
    let sse = tracker.request(request);
    let events = seconds(sse.last_event_id().unwrap_or(0)).boxed();
    sse.respond(events).map(Either::Left)
}

/// Returns a stream of one event each second, from the one after the last that the client saw.
fn seconds(seen: u64) -> impl Stream<Item = Event> {
    stream::iter(seen.saturating_add(1)..=u64::MAX).then(|n| async move {
        sleep(Duration::from_secs(1)).await;
        Event::new(format!("second {n}")).with_id(EventId::from(n))
    })
}

fn refusal(status: StatusCode, reason: &str) -> Response<Body> {
    let mut response = Response::new(Either::Right(format!("{reason}\n")));
    *response.status_mut() = status;
    response
}
