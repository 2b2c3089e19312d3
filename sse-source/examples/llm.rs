//! Prints the answers of two LLM APIs as they arrive. One API streams like the chat completions of
//! `OpenAI`, the other like the messages of Anthropic. A small server in this file plays both, and sends
//! tokens as events.
//!
//! ```text
//! cargo run -p sse-source --example llm
//! ```
//!
//! The example prints each answer word by word. It fails if the API reports an error in its stream, or if the stream
//! ends before the answer does. To use a real API, change the address and the token.

use std::{
    convert::Infallible,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::{Method, Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sse_hyper::{Event, EventType};
use sse_source::{BoxError, EventSource, MessageEvent};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    tokio::spawn(serve(listener));

    read_answer(server, "/v1/chat/completions", openai).await?;
    read_answer(server, "/v1/messages", anthropic).await
}

/// Part of an answer that an event adds.
enum Part {
    Text(String),
    Nothing,
    End,
}

/// Sends a request once and prints its events. It does not reconnect, because an answer cannot be resumed.
async fn read_answer(
    server: SocketAddr,
    path: &str,
    read: fn(MessageEvent) -> Result<Part, BoxError>,
) -> Result<(), BoxError> {
    let question = json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] });
    let mut events = EventSource::request(Method::POST, format!("http://{server}{path}"))
        .bearer_auth("none")
        .json(&question)
        .max_retries(2)
        .send()
        .await?
        .events_only();

    let mut out = io::stdout();
    write!(out, "{path}: ")?;
    while let Some(event) = events.try_next().await? {
        match read(event)? {
            Part::Text(text) => write!(out, "{text}")?,
            Part::Nothing => {}
            Part::End => return Ok(writeln!(out)?),
        }
        out.flush()?;
    }
    // The end of the stream is not the end of the answer.
    Err("the answer broke off".into())
}

/// Reads an event of `OpenAI`. All events are messages, and the data of the last one is not JSON.
fn openai(event: MessageEvent) -> Result<Part, BoxError> {
    if event.data == "[DONE]" {
        return Ok(Part::End);
    }
    let chunk: Value = event.json()?;
    if !chunk["error"].is_null() {
        return Err(chunk["error"].to_string().into());
    }
    Ok(text(&chunk["choices"][0]["delta"]["content"]))
}

/// Reads an event of Anthropic. Each event has a type, and new types may appear at any time.
fn anthropic(event: MessageEvent) -> Result<Part, BoxError> {
    Ok(match event.event_type.as_str() {
        "content_block_delta" => {
            let delta: Value = event.json()?;
            text(&delta["delta"]["text"])
        }
        "message_stop" => Part::End,
        "error" => return Err(event.data.into()),
        _ => Part::Nothing,
    })
}

fn text(value: &Value) -> Part {
    let text = value.as_str().map(str::to_owned);
    text.map_or(Part::Nothing, Part::Text)
}

/// Runs a server that plays both APIs, as far as this example needs them.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let connection = TokioIo::new(listener.accept().await?.0);
        let service = service_fn(|request: Request<Incoming>| async move {
            let words = ["Hello", " to", " you,", " too", "! 😀\n", "Bye."];
            let answer = match request.uri().path() {
                "/v1/messages" => typed(&words),
                _ => untyped(&words),
            };
            Ok::<_, Infallible>(sse_hyper::respond(&request, slowly(answer)))
        });
        tokio::spawn(http1::Builder::new().serve_connection(connection, service));
    }
}

fn untyped(words: &[&str]) -> Vec<Event> {
    let chunk = |delta: Value| {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": null }]);
        let chunk = json!({ "object": "chat.completion.chunk", "choices": choices });
        Event::new(chunk.to_string())
    };
    let deltas = words.iter().map(|word| chunk(json!({ "content": word })));
    let first = chunk(json!({ "role": "assistant" }));
    let last = Event::new("[DONE]");
    [first].into_iter().chain(deltas).chain([last]).collect()
}

fn typed(words: &[&str]) -> Vec<Event> {
    let event = |name: &'static str, mut data: Value| {
        data["type"] = name.into();
        let name = EventType::new(name).expect("the type has no line end");
        Event::new(data.to_string()).with_type(name)
    };
    let deltas = words.iter().map(|word| {
        let delta = json!({ "type": "text_delta", "text": word });
        event("content_block_delta", json!({ "index": 0, "delta": delta }))
    });
    let start = event("message_start", json!({ "message": { "content": [] } }));
    let ping = event("ping", json!({}));
    let stop = event("message_stop", json!({}));
    let start = [start, ping].into_iter();
    start.chain(deltas).chain([stop]).collect()
}

fn slowly(events: Vec<Event>) -> impl Stream<Item = Event> + Send + 'static {
    stream::iter(events).then(|event| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        event
    })
}
