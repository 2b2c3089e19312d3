//! Event server on actix-web. The body of `sse-hyper` becomes a stream of bytes, so no adapter crate is needed.
//!
//! ```text
//! cargo run -p guide --example actix
//! curl -N 127.0.0.1:8080/events
//! ```
//!
//! curl prints an event each second. A client that sends `Last-Event-ID: 7` continues with event 8.
//! `/open` returns the number of open streams. On Ctrl-C every client gets a last event, and then the server ends.
//!
//! actix-web uses the types of `http` 0.2, so this file converts requests and responses. The conversion copies each
//! chunk once, and actix-web alone decides how HTTP/1.0 is served.

use std::{env, io, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::BodyStream,
    http::StatusCode,
    web::{Data, get},
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyDataStream;
use sse_hyper::{CloseEvent, Event, EventBody, EventId, EventStream, StreamTracker};
use tokio::{signal, time::sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let streams = StreamTracker::default();
    let shared = Data::new(streams.clone());
    let app = move || {
        App::new()
            .app_data(shared.clone())
            .route("/events", get().to(events))
            .route("/open", get().to(open))
    };
    let server = HttpServer::new(app)
        .shutdown_signal(close(streams))
        // In seconds. Clients that have stopped reading delay the shutdown for at most this time.
        .shutdown_timeout(3)
        .bind(format!("127.0.0.1:{port}"))?;
    eprintln!("http://127.0.0.1:{port}/events");
    server.run().await
}

async fn events(streams: Data<StreamTracker>, request: HttpRequest) -> HttpResponse {
    let request = translated(&request);
    let seen = sse_hyper::last_event_id(request.headers());
    let seen = seen.and_then(|id| sse_hyper::parse_event_id(id.as_ref()));
    // An ID with another format is ignored, because a browser does not reconnect after status 400.
    let seen = seen.ok().flatten().unwrap_or(0);
    answer(streams.respond(&request, seconds(seen)))
}

/// Converts the headers, which are all that `sse-hyper` reads. The method is always that of the route.
fn translated(request: &HttpRequest) -> Request<()> {
    let mut translated = Request::new(());
    for (name, value) in request.headers() {
        let name = HeaderName::from_bytes(name.as_ref());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            translated.headers_mut().append(name, value);
        }
    }
    translated
}

fn answer(response: Response<EventBody<impl EventStream + 'static>>) -> HttpResponse {
    let (head, body) = response.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16());
    let mut answer = HttpResponse::build(status.expect("a valid status"));
    for (name, value) in &head.headers {
        answer.insert_header((name.as_str(), value.as_bytes()));
    }
    answer.body(BodyStream::new(BodyDataStream::new(body)))
}

/// Sends one event each second, starting after the last one that the client received.
fn seconds(seen: u64) -> impl Stream<Item = Event> {
    stream::iter(seen.saturating_add(1)..=u64::MAX).then(async |n| {
        sleep(Duration::from_secs(1)).await;
        Event::new(format!("second {n}")).with_id(EventId::from(n))
    })
}

async fn open(streams: Data<StreamTracker>) -> String {
    format!("{}\n", streams.open_streams())
}

async fn close(streams: StreamTracker) {
    let _ = signal::ctrl_c().await;
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    streams.close(CloseEvent::new(Event::new("back soon")).with_retry(spread));
}
