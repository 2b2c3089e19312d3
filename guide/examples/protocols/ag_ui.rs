//! AG-UI: a run of an agent is a stream of events without a type, whose data has one.

use axum::{Json, Router, response::IntoResponse, routing::post};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sse_hyper::{CloseEvent, Event, EventStreamRequest};

use crate::model::Model;

pub(crate) fn router() -> Router {
    Router::new().route("/", post(run))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    thread_id: String,
    run_id: String,
    messages: Vec<Message>,
    /// Properties for this agent.
    forwarded_props: Properties,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

#[derive(Deserialize)]
struct Properties {
    model: Model,
}

async fn run(sse: EventStreamRequest, Json(run): Json<Run>) -> impl IntoResponse {
    let prompt = run.messages.last().map_or("", |message| &*message.content);
    let names = json!({ "threadId": run.thread_id, "runId": run.run_id });
    let message = json!({ "messageId": "msg_1", "role": "assistant" });
    let start = [
        event("RUN_STARTED", names.clone()),
        event("TEXT_MESSAGE_START", message),
    ];
    let end = [
        event("TEXT_MESSAGE_END", json!({ "messageId": "msg_1" })),
        event("RUN_FINISHED", names),
    ];
    let tokens = run
        .forwarded_props
        .model
        .answer(prompt)
        .map_ok(|token| {
            let content = json!({ "messageId": "msg_1", "delta": token });
            event("TEXT_MESSAGE_CONTENT", content)
        })
        .map_err(|error| {
            CloseEvent::new(event("RUN_ERROR", json!({ "message": error.to_string() })))
        });
    let start = stream::iter(start.map(Ok));
    sse.respond(start.chain(tokens).chain(stream::iter(end.map(Ok))))
}

fn event(event_type: &str, mut data: Value) -> Event {
    data["type"] = json!(event_type);
    Event::new(data.to_string())
}
