//! Messages of Anthropic's API, as its SDKs read them: a stream of events whose type is also in their data.
//!
//! A failure is an event of the type `error`.

use axum::{Json, Router, response::IntoResponse, routing::post};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use sse_hyper::{CloseEvent, EventStreamRequest};

use crate::{model::Model, typed::typed};

pub(crate) fn router() -> Router {
    Router::new().route("/v1/messages", post(messages))
}

#[derive(Deserialize)]
struct Conversation {
    model: Model,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

async fn messages(sse: EventStreamRequest, Json(request): Json<Conversation>) -> impl IntoResponse {
    let prompt = request
        .messages
        .last()
        .map_or("", |message| &*message.content);
    let message = json!({
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "echo",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": { "input_tokens": 0, "output_tokens": 0 },
    });
    let text = json!({ "type": "text", "text": "" });
    let start = [
        typed("message_start", json!({ "message": message })),
        typed(
            "content_block_start",
            json!({ "index": 0, "content_block": text }),
        ),
        typed("ping", json!({})),
    ];
    let tokens = request
        .model
        .answer(prompt)
        .map_ok(|token| {
            let delta = json!({ "type": "text_delta", "text": token });
            typed("content_block_delta", json!({ "index": 0, "delta": delta }))
        })
        .map_err(|error| {
            let error = json!({ "type": "overloaded_error", "message": error.to_string() });
            CloseEvent::new(typed("error", json!({ "error": error })))
        });
    let delta = json!({ "stop_reason": "end_turn", "stop_sequence": null });
    let end = [
        typed("content_block_stop", json!({ "index": 0 })),
        typed(
            "message_delta",
            json!({ "delta": delta, "usage": { "output_tokens": 0 } }),
        ),
        typed("message_stop", json!({})),
    ];
    let start = stream::iter(start.map(Ok));
    sse.respond(start.chain(tokens).chain(stream::iter(end.map(Ok))))
}
