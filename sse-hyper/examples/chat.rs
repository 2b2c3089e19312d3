//! Server in the style of an LLM on axum: a POST request with a body in JSON gets its answer as a stream.
//!
//! ```text
//! cargo run -p sse-hyper --features axum,json --example chat
//! curl -N --json '{"prompt": "Say hello to all of us"}' 127.0.0.1:8080/v1/chat
//! ```
//!
//! curl prints each word of the answer as soon as it is there, and then `[DONE]`. The word `fail` in the prompt
//! makes the model fail: then the last event has the type `error`.

use std::{env, io, time::Duration};

use axum::{Json, Router, response::IntoResponse, routing::post};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use sse_hyper::{CloseEvent, Event, EventStreamRequest, EventType};
use tokio::{net::TcpListener, time::sleep};

#[derive(Deserialize)]
struct Question {
    prompt: String,
}

#[derive(Serialize)]
struct Delta {
    delta: String,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/v1/chat");
    axum::serve(listener, Router::new().route("/v1/chat", post(chat))).await
}

/// Takes the question from the body, so `Json` is the last extractor.
async fn chat(sse: EventStreamRequest, Json(question): Json<Question>) -> impl IntoResponse {
    let deltas = answer(question.prompt).map_err(|error| {
        eprintln!("/v1/chat: {error}");
        let error = EventType::new("error").expect("a type without a line end");
        // The status is already sent, so an event tells the client.
        CloseEvent::new(Event::new("the model has failed").with_type(error))
    });
    let events = deltas.map_ok(|delta| Event::json(&delta).expect("text is valid JSON"));
    sse.respond(events.chain(stream::iter([Ok(Event::new("[DONE]"))])))
}

/// Returns the words of the answer, as a model makes them.
fn answer(prompt: String) -> impl Stream<Item = io::Result<Delta>> {
    let words = prompt.split_whitespace().map(str::to_owned);
    let words: Vec<String> = words.collect();
    stream::iter(words).then(async |word| {
        sleep(Duration::from_millis(100)).await;
        match &*word {
            "fail" => Err(io::Error::other("no memory for the model")),
            _ => Ok(Delta { delta: word }),
        }
    })
}
