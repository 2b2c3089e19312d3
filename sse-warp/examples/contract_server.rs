//! Contract server on warp.

#[path = "../../sse-hyper/examples/contract/mod.rs"]
mod contract;

use contract::{Answer, Contract, SHUTDOWN_TIMEOUT};
use sse_warp::EventStreamRequest;
use warp::{
    Filter, Reply,
    http::StatusCode,
    path::FullPath,
    reply::{Response, with_header, with_status},
};

#[tokio::main]
async fn main() {
    let contract = Contract::from_arguments();
    let tracker = contract.tracker.clone();
    let closed = contract.close();
    let routes = warp::path::full()
        .and(sse_warp::request_with(tracker.clone()))
        .and(warp::query::raw().or_else(|_| async { Ok::<_, warp::Rejection>((String::new(),)) }))
        .map(
            move |path: FullPath, sse: EventStreamRequest, query: String| {
                let answer = match sse.try_last_event_id() {
                    Ok(id) => contract.answer(path.as_str(), &query, id),
                    Err(error) => Answer::BadRequest(error.to_string()),
                };
                respond(&sse, answer)
            },
        )
        .map(|response| with_header(response, "access-control-allow-origin", "*"));
    let server = warp::serve(routes).bind(contract::address()).await;
    let server = server.graceful(closed).run();
    tracker.run_server(server, SHUTDOWN_TIMEOUT).await;
}

fn respond(sse: &EventStreamRequest, answer: Answer) -> Response {
    match answer {
        Answer::Events(events) => sse.respond(events),
        Answer::Json(json) => with_header(json, "content-type", "application/json").into_response(),
        Answer::BadRequest(reason) => with_status(reason, StatusCode::BAD_REQUEST).into_response(),
        Answer::NotFound => StatusCode::NOT_FOUND.into_response(),
    }
}
