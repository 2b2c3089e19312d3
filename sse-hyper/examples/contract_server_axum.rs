//! Contract server on axum, with the extractor `EventStreamRequest`.

mod contract;

use std::io;

use axum::{
    Extension, Router,
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use contract::{Answer, Contract, SHUTDOWN_TIMEOUT};
use sse_hyper::EventStreamRequest;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let contract = Contract::from_arguments();
    let tracker = contract.tracker.clone();
    let closed = contract.close();
    let router = Router::new()
        .fallback(respond)
        .layer(Extension(tracker.clone()))
        .with_state(contract);
    let listener = TcpListener::bind(contract::address()).await?;
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    let server = axum::serve(listener, router).with_graceful_shutdown(closed);
    let ended = tracker.run_server(server, SHUTDOWN_TIMEOUT).await;
    ended.unwrap_or(Ok(()))
}

async fn respond(
    State(contract): State<Contract>,
    sse: EventStreamRequest,
    uri: Uri,
) -> impl IntoResponse {
    let answer = match sse.try_last_event_id() {
        Ok(id) => contract.answer(uri.path(), uri.query().unwrap_or(""), id),
        Err(error) => Answer::BadRequest(error.to_string()),
    };
    let response: Response = match answer {
        Answer::Events(events) => sse.respond(events).into_response(),
        Answer::Json(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Answer::BadRequest(reason) => (StatusCode::BAD_REQUEST, reason).into_response(),
        Answer::NotFound => StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], response)
}
