//! Answers of a language model that outlive their page and their server: a reader that comes back, to any node, goes on
//! where it was, and another node goes on with an answer whose node has died.
//!
//! ```text
//! nats-server -js
//! cargo run --example answers -- --listen 127.0.0.1:8081
//! cargo run --example answers -- --listen 127.0.0.1:8082
//!
//! curl -d 'What is an event stream?' 127.0.0.1:8081/answers           # prints the path of the answer
//! curl -N 127.0.0.1:8082/answers/4711                                 # from its start
//! curl -N -H 'Last-Event-ID: 12' 127.0.0.1:8082/answers/4711          # after its 12th token
//! ```
//!
//! Each node has a page at `/`. It opens `new EventSource(path)`, and the browser sends `Last-Event-ID` by itself when it
//! reconnects. The fragment of its URL names the answer, so a reloaded page gets the whole answer again, at once. Put a
//! proxy before the nodes, so that the page reaches another node when one dies:
//!
//! ```text
//! upstream nodes { server 127.0.0.1:8081; server 127.0.0.1:8082; }   # nginx
//! ```
//!
//! Each answer is a topic of the hub. All nodes see its events in the same order, and that is all that is needed:
//!
//! - A node that wants to write an answer publishes a claim. The last claim before a token decides whether the token
//!   counts. So a token of a node that has lost its claim, because it was slow and not dead, is in no answer.
//! - The ID of a token is its number in the answer. So a reader that comes back names the tokens that it has.
//!
//! Every client may ask and read here. Add authentication before you expose this server to a network.

use std::{error::Error, net::SocketAddr, str::FromStr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use clap::Parser;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use sse_hub::{
    Event, EventType, Hub, HubConfig, InvalidTopic, PublishError, SubscribeError, Topic,
};
use sse_hub_nats::{JetStream, NatsConfig};
use sse_hyper::{StreamConfig, StreamTracker};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

/// Prompt of an answer. It is the first event of its topic.
const PROMPT: EventType = EventType::from_static("prompt");
/// The node whose name is the data writes the answer from here on.
const CLAIM: EventType = EventType::from_static("claim");
/// Next token, after the name of the node that writes it.
const TOKEN: EventType = EventType::from_static("token");
/// End of the answer, with the name of the node that writes it.
const END: EventType = EventType::from_static("end");

/// Serves answers that any node writes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address of this node.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of NATS.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    nats: String,
    /// Time between two tokens, in milliseconds.
    #[arg(long, default_value_t = 100)]
    pace: u64,
    /// Time without a token, in milliseconds, after which another node writes the answer.
    #[arg(long, default_value_t = 3000)]
    patience: u64,
}

/// Time after which a browser reconnects. By default, it is 3 s in Chromium and 5 s in Firefox.
const RECONNECTION_TIME: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Node {
    hub: Hub,
    streams: StreamTracker,
    pace: Duration,
    patience: Duration,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let nats = Arc::new(JetStream::new(arguments.nats, NatsConfig::new())?);
    let (hub, follow) = Hub::with_backend(HubConfig::new(), nats);
    tokio::spawn(follow);
    let node = Node {
        hub,
        streams: StreamTracker::new(StreamConfig::default().reconnection_time(RECONNECTION_TIME)),
        pace: Duration::from_millis(arguments.pace),
        patience: Duration::from_millis(arguments.patience),
    };
    let router = Router::new()
        .route("/", get(Html(include_str!("answers.html"))))
        .route("/answers", post(create))
        .route("/answers/{id}", get(read))
        .with_state(node);
    let listener = TcpListener::bind(arguments.listen).await?;
    eprintln!("http://{}/", arguments.listen);
    axum::serve(listener, router).await?;
    Ok(())
}

/// Starts an answer, and returns its path at once.
async fn create(State(node): State<Node>, prompt: String) -> Response {
    // Every client that knows the path may read the answer.
    let id = format!("{:032x}", fastrand::u128(..));
    let started = async {
        let topic = topic(&id)?;
        let prompt = Event::new(prompt).with_type(PROMPT);
        node.hub.publish((topic.clone(), prompt)).await?;
        Ok::<_, Box<dyn Error>>(topic)
    };
    match started.await {
        Ok(topic) => {
            tokio::spawn(node.write(topic));
            (StatusCode::CREATED, format!("/answers/{id}\n")).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Sends the tokens after the last one that the reader has, and the next ones as they come.
async fn read(State(node): State<Node>, Path(id): Path<String>, request: Request) -> Response {
    let seen = sse_hyper::last_event_id(request.headers()).ok().flatten();
    let seen = seen.and_then(|id| u64::from_str(id.as_str()).ok());
    let seen = seen.unwrap_or(0);
    let Ok(topic) = topic(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tokens = match node.tokens(topic) {
        Ok(tokens) => tokens,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    };
    let events = tokens
        .filter(move |(number, _)| std::future::ready(*number > seen))
        .map(|(number, text)| match text {
            Some(text) => Event::new(text).with_id(number),
            None => Event::new("").with_type(END).with_id(number),
        });
    node.streams.respond(&request, events).map(Body::new)
}

fn topic(id: &str) -> Result<Topic, InvalidTopic> {
    Topic::new(format!("answers/{id}"))
}

/// Token with its number, from 1. `None` is the end of the answer.
type Token = (u64, Option<String>);

/// Answer up to some event of its topic.
#[derive(Default)]
struct Answer {
    prompt: Option<String>,
    /// Name of the writer whose tokens count.
    writer: String,
    /// Number of tokens, with the end.
    tokens: u64,
    has_ended: bool,
}

impl Answer {
    /// Takes the next event of the topic, and returns its token if it counts.
    fn take(&mut self, event: &Event) -> Option<Token> {
        let data = event.data();
        let is_end = event.event_type() == END.as_str();
        if event.event_type() == PROMPT.as_str() {
            self.prompt = Some(data.to_owned());
        } else if event.event_type() == CLAIM.as_str() {
            self.writer = data.to_owned();
        } else if is_end || event.event_type() == TOKEN.as_str() {
            let (writer, text) = data.split_once(' ')?;
            if writer == self.writer && !self.has_ended {
                self.tokens += 1;
                self.has_ended = is_end;
                return Some((self.tokens, (!is_end).then(|| text.to_owned())));
            }
        }
        None
    }
}

impl Node {
    /// Returns the tokens of an answer, from the first one. If none comes for too long, this node writes the answer.
    fn tokens(
        &self,
        topic: Topic,
    ) -> Result<impl Stream<Item = Token> + Send + 'static, SubscribeError> {
        let events = self.hub.subscription(topic.clone()).from_start();
        let events = events.subscribe()?.events();
        let start = (self.clone(), topic, events, Answer::default());
        Ok(stream::unfold(
            start,
            async |(node, topic, mut events, mut answer)| {
                while !answer.has_ended {
                    match timeout(node.patience, events.next()).await {
                        Ok(event) => {
                            if let Some(token) = answer.take(&event?) {
                                return Some((token, (node, topic, events, answer)));
                            }
                        }
                        Err(_) if answer.prompt.is_some() => {
                            tokio::spawn(node.clone().write(topic.clone()));
                        }
                        // There is no such answer.
                        Err(_) => return None,
                    }
                }
                None
            },
        ))
    }

    /// Writes an answer, from its first token or after those of a writer before.
    ///
    /// If this fails, or this node dies, another node notices that no token comes.
    async fn write(self, topic: Topic) {
        if let Err(error) = self.try_write(topic).await {
            eprintln!("{error}");
        }
    }

    async fn try_write(&self, topic: Topic) -> Result<(), Box<dyn Error + Send + Sync>> {
        let writer = format!("{:016x}", fastrand::u64(..));
        let events = self.hub.subscription(topic.clone()).from_start();
        let mut events = events.subscribe()?.events();
        self.send(&topic, CLAIM, writer.clone()).await?;
        let mut answer = Answer::default();
        while answer.writer != writer {
            let event = events.next().await.ok_or("the hub is closed")?;
            answer.take(&event);
        }
        let prompt = answer.prompt.clone().unwrap_or_default();
        // The end may be all that is missing.
        let written = usize::try_from(answer.tokens)?;
        for text in model(&prompt).skip(written) {
            sleep(self.pace).await;
            while let Some(Some(event)) = events.next().now_or_never() {
                answer.take(&event);
            }
            if answer.writer != writer || answer.has_ended {
                return Ok(());
            }
            self.send(&topic, TOKEN, format!("{writer} {text}")).await?;
        }
        self.send(&topic, END, format!("{writer} ")).await?;
        Ok(())
    }

    async fn send(
        &self,
        topic: &Topic,
        event_type: EventType,
        data: String,
    ) -> Result<(), PublishError> {
        let event = Event::new(data).with_type(event_type);
        self.hub.publish((topic.clone(), event)).await?;
        Ok(())
    }
}

/// Stands for a language model. A real one is asked to continue after the tokens that are written.
fn model(prompt: &str) -> impl Iterator<Item = String> {
    let words = ["An", " answer", " to", " the", " prompt", ": "];
    let prompt = prompt.split_inclusive(' ').map(str::to_owned);
    let numbers = (1..=30).map(|number| format!(" {number}"));
    words
        .map(str::to_owned)
        .into_iter()
        .chain(prompt.collect::<Vec<_>>())
        .chain(numbers)
}
