//! Wall of notes, which the pages of `htmx.rs`, `turbo.rs` and `datastar.rs` show.
//!
//! A hub keeps the notes. Each protocol makes its own events of them.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Form, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sse_hub::{Event, EventId, Hub, InvalidTopic, PublishError, SubscribeError, Topic};
use sse_hyper::EventStreamRequest;

/// Returns the routes that do not depend on a protocol.
pub(crate) fn router(wall: Wall) -> Router {
    let style = ([(CONTENT_TYPE, "text/css")], include_str!("wall.css"));
    Router::new()
        .route("/notes", post(post_note))
        .route("/close", post(close))
        .route("/style.css", get(style))
        .with_state(wall)
}

async fn post_note(
    State(wall): State<Wall>,
    Form(note): Form<NewNote>,
) -> Result<StatusCode, PublishError> {
    wall.post(note)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn close(State(wall): State<Wall>) -> Result<impl IntoResponse, PublishError> {
    wall.close()?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes that visitors have posted. A clone is the same wall.
#[derive(Clone)]
pub(crate) struct Wall {
    hub: Hub,
    topic: Topic,
    count: Arc<Mutex<u64>>,
}

/// Fields of the form for a note.
#[derive(Deserialize)]
pub(crate) struct NewNote {
    text: String,
}

/// Note on the wall.
#[derive(Deserialize, Serialize)]
pub(crate) struct Note {
    /// Number of notes up to this one.
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// Change of the wall.
#[derive(Deserialize, Serialize)]
pub(crate) enum Change {
    /// A visitor has posted a note.
    Posted(Note),
    /// The pages have to close their streams.
    Closed,
}

impl Wall {
    /// Creates a wall without notes.
    pub(crate) fn new() -> Result<Self, InvalidTopic> {
        Ok(Self {
            hub: Hub::default(),
            topic: Topic::new("wall")?,
            count: Arc::default(),
        })
    }

    /// Adds a note.
    pub(crate) fn post(&self, note: NewNote) -> Result<(), PublishError> {
        // Held while it publishes, so that the notes are published in the order of their numbers.
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let text = note.text;
        let number = *count + 1;
        self.publish(&Change::Posted(Note { number, text }))?;
        *count = number;
        Ok(())
    }

    /// Tells all pages to close their streams.
    pub(crate) fn close(&self) -> Result<(), PublishError> {
        self.publish(&Change::Closed)
    }

    fn publish(&self, change: &Change) -> Result<(), PublishError> {
        let event = Event::json(change).expect("a change is valid JSON");
        self.hub.try_publish((&self.topic, event)).map(drop)
    }

    /// Returns the changes that the page does not have yet, each with its ID. A new page gets all of them.
    pub(crate) fn changes(
        &self,
        request: &EventStreamRequest,
    ) -> Result<impl Stream<Item = (EventId, Change)> + use<>, SubscribeError> {
        let subscription = self.hub.subscription(&self.topic);
        let subscription = match request.last_event_id::<EventId>() {
            // After a restart of this server, there are only new notes, which the page gets from the first one.
            Some(id) => subscription.after_or_start(&id),
            None => subscription.from_start(),
        };
        let events = subscription.subscribe()?.events();
        Ok(events.filter_map(|event| {
            let change = serde_json::from_str(event.data()).ok();
            ready(event.id().cloned().zip(change))
        }))
    }
}
