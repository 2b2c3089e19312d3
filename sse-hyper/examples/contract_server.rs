//! Contract server on hyper: HTTP/1 and HTTP/2 with prior knowledge.

mod contract;

use std::{convert::Infallible, io, pin::pin, time::Duration};

use contract::{Answer, Contract, SHUTDOWN_TIMEOUT};
use futures_util::stream::BoxStream;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE},
};
use http_body_util::Either;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use sse_hyper::{Event, EventBody};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

type Body = Either<EventBody<BoxStream<'static, Event>>, String>;

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(contract::address()).await?;
    let contract = Contract::from_arguments();
    let connections = GracefulShutdown::new();
    let mut closed = pin!(contract.close());
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut closed => break,
        };
        let Ok((connection, _)) = connection else {
            // For example, too many files are open. Some will be closed soon.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        if connection.set_nodelay(true).is_err() {
            // The client is already gone.
            continue;
        }
        let contract = contract.clone();
        let service = service_fn(move |request| {
            let response = respond(&contract, &request);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(connection), service)
            .into_owned();
        // The result is ignored: a client that disconnects early is not an error of the server.
        tokio::spawn(connections.watch(connection));
    }
    _ = timeout(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
    Ok(())
}

fn respond(contract: &Contract, request: &Request<Incoming>) -> Response<Body> {
    let uri = request.uri();
    let answer = match sse_hyper::last_event_id(request.headers()) {
        Ok(id) => contract.answer(uri.path(), uri.query().unwrap_or(""), id),
        Err(error) => Answer::BadRequest(error.to_string()),
    };
    let mut response = match answer {
        Answer::Events(events) => contract.tracker.respond(request, events).map(Either::Left),
        Answer::Json(json) => text(StatusCode::OK, "application/json", json),
        Answer::BadRequest(reason) => text(StatusCode::BAD_REQUEST, "text/plain", reason),
        Answer::NotFound => text(StatusCode::NOT_FOUND, "text/plain", String::new()),
    };
    let any = HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}

fn text(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Right(text));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
