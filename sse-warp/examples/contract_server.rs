//! Contract server on warp.

#[path = "../../sse-hyper/examples/contract/mod.rs"]
mod contract;

use contract::{Answer, Contract, SHUTDOWN_TIMEOUT};
use futures_util::FutureExt;
use sse_warp::sse_hyper::last_event_id;
use tokio::time::sleep;
use warp::{
    Filter, Reply,
    http::{Request, StatusCode},
    path::FullPath,
    reply::{Response, with_header, with_status},
};

#[tokio::main]
async fn main() {
    let contract = Contract::default();
    let closed = contract.clone().close().shared();
    let routes = warp::path::full()
        .and(sse_warp::request())
        .and(warp::query::raw().or_else(|_| async { Ok::<_, warp::Rejection>((String::new(),)) }))
        .map(move |path: FullPath, request: Request<()>, query: String| {
            let answer = match last_event_id(request.headers()) {
                Ok(id) => contract.answer(path.as_str(), &query, id),
                Err(error) => Answer::BadRequest(error.to_string()),
            };
            respond(&contract, &request, answer)
        })
        .map(|response| with_header(response, "access-control-allow-origin", "*"));
    let server = warp::serve(routes).bind(contract::address()).await;
    tokio::select! {
        () = server.graceful(closed.clone()).run() => {}
        () = closed.then(|()| sleep(SHUTDOWN_TIMEOUT)) => {}
    }
}

fn respond(contract: &Contract, request: &Request<()>, answer: Answer) -> Response {
    match answer {
        Answer::Events(events) => sse_warp::respond(request, contract.streams.body(events)),
        Answer::Json(json) => with_header(json, "content-type", "application/json").into_response(),
        Answer::BadRequest(reason) => with_status(reason, StatusCode::BAD_REQUEST).into_response(),
        Answer::NotFound => StatusCode::NOT_FOUND.into_response(),
    }
}
