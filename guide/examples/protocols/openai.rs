//! Chat completions and responses of OpenAI's API, as its SDKs read them.
//!
//! - A chat completion is a stream of events without a type, and the data of the last one is `[DONE]`. The data of a
//!   failure is `{"error": …}`.
//! - A response is a stream of events whose type is also in their data.

use axum::{Json, Router, response::IntoResponse, routing::post};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sse_hyper::{CloseEvent, Event, EventStreamRequest};

use crate::{
    model::{Model, Overloaded},
    typed::typed,
};

pub(crate) fn router() -> Router {
    Router::new()
        .route("/chat/completions", post(chat))
        .route("/responses", post(respond))
}

#[derive(Deserialize)]
struct Chat {
    model: Model,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

async fn chat(sse: EventStreamRequest, Json(chat): Json<Chat>) -> impl IntoResponse {
    let prompt = chat.messages.last().map_or("", |message| &*message.content);
    let tokens = chat
        .model
        .answer(prompt)
        .map_ok(|token| chunk(&json!({ "content": token }), &Value::Null))
        // The status is already sent, so an event tells the client.
        .map_err(|error| {
            let data = json!({ "error": failure(&error) });
            CloseEvent::new(Event::new(data.to_string()))
        });
    let end = [chunk(&json!({}), &json!("stop")), Event::new("[DONE]")];
    sse.respond(tokens.chain(stream::iter(end.map(Ok))))
}

fn chunk(delta: &Value, finish_reason: &Value) -> Event {
    let data = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "echo",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
    });
    Event::new(data.to_string())
}

fn failure(error: &Overloaded) -> Value {
    json!({ "message": error.to_string(), "type": "server_error", "param": null, "code": "overloaded" })
}

#[derive(Deserialize)]
struct Prompt {
    model: Model,
    input: String,
}

async fn respond(sse: EventStreamRequest, Json(prompt): Json<Prompt>) -> impl IntoResponse {
    let response = |status: &str, text: &str| {
        json!({
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": "echo",
            "status": status,
            "output": [{
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": status,
                "content": [{ "type": "output_text", "text": text, "annotations": [] }],
            }],
        })
    };
    let start = typed(
        "response.created",
        json!({ "response": response("in_progress", "") }),
    );
    let end = typed(
        "response.completed",
        json!({ "response": response("completed", &prompt.input) }),
    );
    let tokens = prompt
        .model
        .answer(&prompt.input)
        .map_ok(|token| {
            let place = json!({ "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": token });
            typed("response.output_text.delta", place)
        })
        .map_err(|error| CloseEvent::new(typed("error", failure(&error))));
    let start = stream::iter([Ok(start)]);
    sse.respond(start.chain(tokens).chain(stream::iter([Ok(end)])))
}
