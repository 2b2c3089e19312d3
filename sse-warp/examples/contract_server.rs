//! The contract server on warp.

#[path = "../../sse-hyper/examples/contract/mod.rs"]
mod contract;

use contract::{Answer, Contract};
use sse_warp::EventId;
use warp::{
    Filter, Reply,
    http::StatusCode,
    path::FullPath,
    reply::{Response, with_header, with_status},
};

#[tokio::main]
async fn main() {
    let contract = Contract::default();
    let routes = warp::path::full()
        .and(warp::query::raw().or_else(|_| async { Ok::<_, warp::Rejection>((String::new(),)) }))
        .and(sse_warp::last_event_id())
        .map(
            move |path: FullPath, query: String, last_event_id: Option<EventId>| {
                respond(contract.answer(path.as_str(), &query, last_event_id))
            },
        )
        .map(|response| with_header(response, "access-control-allow-origin", "*"));
    warp::serve(routes).run(contract::address()).await;
}

fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Events(events) => sse_warp::reply(events).into_response(),
        Answer::Json(json) => with_header(json, "content-type", "application/json").into_response(),
        Answer::BadRequest(reason) => with_status(reason, StatusCode::BAD_REQUEST).into_response(),
        Answer::NotFound => StatusCode::NOT_FOUND.into_response(),
    }
}
