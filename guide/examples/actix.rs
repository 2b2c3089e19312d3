//! A server of events on actix-web, whose body is that of `sse-hyper` as a stream of bytes: no crate between
//! them.
//!
//! ```text
//! cargo run -p guide --example actix
//! curl -N 127.0.0.1:8080/events
//! ```
//!
//! curl prints an event each second. Whoever comes back with `Last-Event-ID: 7` goes on with the eighth.
//! `/open` counts the streams. On Ctrl-C every client gets a last event, and then the server ends.
//!
//! actix-web's requests and responses are those of `http` 0.2, so they are translated here. What is lost is
//! little: each chunk is copied once more, and HTTP/1.0 is served as actix-web does it.

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
use sse_hyper::{Event, EventBody, EventId, EventStream, Farewell, Streams};
use tokio::{signal, time::sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let streams = Streams::default();
    let shared = Data::new(streams.clone());
    let app = move || {
        App::new()
            .app_data(shared.clone())
            .route("/events", get().to(events))
            .route("/open", get().to(open))
    };
    let server = HttpServer::new(app)
        .shutdown_signal(close(streams))
        // Clients that have stopped reading hold it up for so many seconds.
        .shutdown_timeout(3)
        .bind(format!("127.0.0.1:{port}"))?;
    eprintln!("http://127.0.0.1:{port}/events");
    server.run().await
}

async fn events(streams: Data<Streams>, request: HttpRequest) -> HttpResponse {
    let request = translated(&request);
    let seen = sse_hyper::last_event_id(request.headers());
    let seen = seen.and_then(|id| sse_hyper::parse_event_id(id.as_ref()));
    // An ID of another format is ignored: a browser does not reconnect after a status 400.
    let seen = seen.ok().flatten().unwrap_or(0);
    answer(streams.respond(&request, seconds(seen)))
}

/// What `sse-hyper` looks at: the headers. The method is that of the route.
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
    let mut answer = HttpResponse::build(status.expect("one status is as good as the other"));
    for (name, value) in &head.headers {
        answer.insert_header((name.as_str(), value.as_bytes()));
    }
    answer.body(BodyStream::new(BodyDataStream::new(body)))
}

/// One event each second, behind the one that the client saw last.
fn seconds(seen: u64) -> impl Stream<Item = Event> {
    stream::iter(seen.saturating_add(1)..=u64::MAX).then(async |n| {
        sleep(Duration::from_secs(1)).await;
        Event::new(format!("second {n}")).with_id(EventId::from(n))
    })
}

async fn open(streams: Data<Streams>) -> String {
    format!("{}\n", streams.open())
}

async fn close(streams: Streams) {
    let _ = signal::ctrl_c().await;
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    streams.close(Farewell::new(Event::new("back soon")).with_retry(spread));
}
