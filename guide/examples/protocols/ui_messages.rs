//! UI message streams of Vercel's AI SDK, which a reloaded page resumes: `GET /ui/{chat}/stream` returns the answer in
//! progress from its start. Each answer is a topic of the hub, so any number of pages can read it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sse_hub::{Hub, SubscribeError, Topic};
use sse_hyper::{Event, EventStreamRequest};

use crate::model::Model;

/// Data of the last event of an answer.
const DONE: &str = "[DONE]";

#[derive(Clone, Default)]
struct Chats {
    hub: Hub,
    /// Answer in progress of each chat.
    active: Arc<Mutex<HashMap<String, Topic>>>,
}

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", post(send))
        .route("/{chat}/stream", get(resume))
        .with_state(Chats::default())
}

#[derive(Deserialize)]
struct Chat {
    id: String,
    /// The client adds it to the members of the SDK.
    model: Model,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

/// Starts an answer, and sends it.
async fn send(
    State(chats): State<Chats>,
    sse: EventStreamRequest,
    Json(chat): Json<Chat>,
) -> Response {
    let parts = chat
        .messages
        .last()
        .map_or(&[][..], |message| &message.parts);
    let prompt: String = parts.iter().map(|part| &*part.text).collect();
    let topic = Topic::new(format!("ui/{:032x}", fastrand::u128(..))).expect("a valid topic");
    chats.active().insert(chat.id.clone(), topic.clone());
    // The answer goes on if the page is closed.
    tokio::spawn(
        chats
            .clone()
            .answer(chat.id, topic.clone(), chat.model, prompt),
    );
    chats.respond(&sse, &topic)
}

/// Sends the answer in progress, or 204 if there is none.
async fn resume(
    State(chats): State<Chats>,
    sse: EventStreamRequest,
    Path(chat): Path<String>,
) -> Response {
    let topic = chats.active().get(&chat).cloned();
    match topic {
        Some(topic) => chats.respond(&sse, &topic),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

impl Chats {
    fn active(&self) -> std::sync::MutexGuard<'_, HashMap<String, Topic>> {
        self.active.lock().expect("no panic with the lock")
    }

    async fn answer(self, chat: String, topic: Topic, model: Model, prompt: String) {
        self.publish(&topic, &json!({ "type": "start", "messageId": "msg_1" }))
            .await;
        self.publish(&topic, &json!({ "type": "text-start", "id": "text_1" }))
            .await;
        let mut tokens = Box::pin(model.answer(&prompt));
        let mut failure = None;
        while let Some(token) = tokens.next().await {
            match token {
                Ok(token) => {
                    let delta = json!({ "type": "text-delta", "id": "text_1", "delta": token });
                    self.publish(&topic, &delta).await;
                }
                Err(error) => failure = Some(error),
            }
        }
        let end = match failure {
            None => vec![
                json!({ "type": "text-end", "id": "text_1" }),
                json!({ "type": "finish" }),
            ],
            Some(error) => vec![json!({ "type": "error", "errorText": error.to_string() })],
        };
        for chunk in end {
            self.publish(&topic, &chunk).await;
        }
        self.finish(&chat, &topic);
        self.publish_event(&topic, Event::new(DONE)).await;
    }

    fn finish(&self, chat: &str, topic: &Topic) {
        let mut active = self.active();
        // The chat may have a newer answer.
        if active.get(chat) == Some(topic) {
            active.remove(chat);
        }
    }

    async fn publish(&self, topic: &Topic, chunk: &Value) {
        self.publish_event(topic, Event::new(chunk.to_string()))
            .await;
    }

    async fn publish_event(&self, topic: &Topic, event: Event) {
        if let Err(error) = self.hub.publish((topic.clone(), event)).await {
            eprintln!("ui: {error}");
        }
    }

    fn respond(&self, sse: &EventStreamRequest, topic: &Topic) -> Response {
        match self.events(topic) {
            Ok(events) => {
                let header = ("x-vercel-ai-ui-message-stream", "v1");
                ([header], sse.respond(events)).into_response()
            }
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
        }
    }

    /// Returns the whole answer, with its end.
    fn events(
        &self,
        topic: &Topic,
    ) -> Result<impl Stream<Item = Event> + Send + use<>, SubscribeError> {
        let events = self.hub.subscription(topic.clone()).from_start();
        let events = events.subscribe()?.events();
        Ok(stream::unfold(Some(events), async |events| {
            let mut events = events?;
            let event = events.next().await?;
            let is_last = event.data() == DONE;
            Some((event, (!is_last).then_some(events)))
        }))
    }
}
