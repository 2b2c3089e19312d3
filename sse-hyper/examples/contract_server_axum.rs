//! Contract server on axum, which takes an `EventBody` as it is.

mod contract;

use std::io;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use contract::{Answer, Contract, SHUTDOWN_TIMEOUT};
use futures_util::FutureExt;
use tokio::{net::TcpListener, time::sleep};

#[tokio::main]
async fn main() -> io::Result<()> {
    let contract = Contract::default();
    let router = Router::new().fallback(respond).with_state(contract.clone());
    let listener = TcpListener::bind(contract::address()).await?;
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    let closed = contract.close().shared();
    let server = axum::serve(listener, router).with_graceful_shutdown(closed.clone());
    tokio::select! {
        ended = server => ended,
        () = closed.then(|()| sleep(SHUTDOWN_TIMEOUT)) => Ok(()),
    }
}

async fn respond(State(contract): State<Contract>, request: Request) -> Response {
    let uri = request.uri();
    let answer = match sse_hyper::last_event_id(request.headers()) {
        Ok(id) => contract.answer(uri.path(), uri.query().unwrap_or(""), id),
        Err(error) => Answer::BadRequest(error.to_string()),
    };
    let response = match answer {
        Answer::Events(events) => contract.streams.respond(&request, events).map(Body::new),
        Answer::Json(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Answer::BadRequest(reason) => (StatusCode::BAD_REQUEST, reason).into_response(),
        Answer::NotFound => StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], response).into_response()
}
