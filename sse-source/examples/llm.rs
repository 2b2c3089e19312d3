//! Prints the answers of two LLM APIs as they come: of one that streams as the chat completions of
//! `OpenAI` do, and of one that streams as the messages of Anthropic do. A small server here plays both,
//! tokens as events.
//!
//! ```text
//! cargo run -p sse-source --example llm
//! ```
//!
//! It prints what each says, word by word. What the API reports in its stream is an error, and so is a stream
//! that ends before the answer does. Against a real one, change the address and the token, and build with the
//! feature `rustls`.

use std::{
    convert::Infallible,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use http::{Method, Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sse_hyper::{Event, EventType};
use sse_source::{BoxError, EventSource, Item, MessageEvent};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    tokio::spawn(serve(listener));

    ask(server, "/v1/chat/completions", openai).await?;
    ask(server, "/v1/messages", anthropic).await
}

/// What an event adds to an answer.
enum Part {
    Text(String),
    Nothing,
    End,
}

/// A request, and its events once: there is nothing to reconnect to.
async fn ask(
    server: SocketAddr,
    path: &str,
    read: fn(MessageEvent<String>) -> Result<Part, BoxError>,
) -> Result<(), BoxError> {
    let question = json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] });
    let mut events = EventSource::request(Method::POST, format!("http://{server}{path}"))
        .with_header("content-type", "application/json")
        .with_header("authorization", "Bearer none")
        .with_body(question.to_string())
        .send()
        .await?;

    let mut out = io::stdout();
    write!(out, "{path}: ")?;
    while let Some(item) = events.next().await {
        let Item::Event(event) = item? else { continue };
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

/// All events are messages, and the last one is no JSON.
fn openai(event: MessageEvent<String>) -> Result<Part, BoxError> {
    if event.data == "[DONE]" {
        return Ok(Part::End);
    }
    let chunk: Value = serde_json::from_str(&event.data)?;
    if !chunk["error"].is_null() {
        return Err(chunk["error"].to_string().into());
    }
    Ok(text(&chunk["choices"][0]["delta"]["content"]))
}

/// Each event has a type, and new ones may come at any time.
fn anthropic(event: MessageEvent<String>) -> Result<Part, BoxError> {
    Ok(match event.event_type.as_str() {
        "content_block_delta" => {
            let delta: Value = serde_json::from_str(&event.data)?;
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

/// The other side, as far as it is needed here.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let connection = TokioIo::new(listener.accept().await?.0);
        let service = service_fn(|request: Request<Incoming>| async move {
            let words = ["Hello", " to", " you,", " too", "! 😀\n", "Bye."];
            let answer = match request.uri().path() {
                "/v1/messages" => typed(&words),
                _ => untyped(&words),
            };
            Ok::<_, Infallible>(sse_hyper::response(&request, slowly(answer)))
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
        let name = EventType::new(name).expect("no line end in it");
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
