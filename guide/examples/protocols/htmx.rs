//! Pages with htmx: events of the stream are fragments of HTML, which it puts into the page.
//!
//! - htmx 2 with its extension for event streams: each element names the event type that it shows.
//! - htmx 4, whose extension for event streams is in its package: events without a type are shown, and the page listens
//!   to the others.

use axum::{
    Router,
    extract::State,
    response::{Html, IntoResponse},
    routing::get,
};
use futures_util::{StreamExt, stream};
use sse_hub::SubscribeError;
use sse_hyper::{Event, EventStreamRequest, EventType};

use crate::{
    html::Escaped,
    wall::{Change, Wall},
};

/// Type of the events with a note, in version 2.
const NOTE: EventType = EventType::from_static("note");
/// Type of the events with the number of notes.
const COUNT: EventType = EventType::from_static("count");
/// Type of the event after which the page closes its stream.
const CLOSED: EventType = EventType::from_static("closed");

pub(crate) fn router(wall: Wall) -> Router {
    Router::new()
        .route("/2", get(Html(include_str!("htmx/2.html"))))
        .route("/4", get(Html(include_str!("htmx/4.html"))))
        .route("/2/stream", get(version_2))
        .route("/4/stream", get(version_4))
        .with_state(wall)
}

async fn version_2(
    State(wall): State<Wall>,
    sse: EventStreamRequest,
) -> Result<impl IntoResponse, SubscribeError> {
    respond(&wall, &sse, |fragment| Event::new(fragment).with_type(NOTE))
}

async fn version_4(
    State(wall): State<Wall>,
    sse: EventStreamRequest,
) -> Result<impl IntoResponse, SubscribeError> {
    respond(&wall, &sse, Event::new)
}

fn respond(
    wall: &Wall,
    sse: &EventStreamRequest,
    note_event: fn(String) -> Event,
) -> Result<impl IntoResponse + use<>, SubscribeError> {
    let events = wall.changes(sse)?.flat_map(move |(id, change)| {
        let events = match change {
            Change::Posted(note) => {
                let fragment = format!("<li>{}</li>", Escaped(&note.text));
                let count = Event::new(format!("{} notes", note.number)).with_type(COUNT);
                // Only the last event has the ID. So a page whose connection breaks between the two gets both again,
                // and the first one can be repeated.
                vec![count, note_event(fragment).with_id(id)]
            }
            Change::Closed => vec![Event::new("").with_type(CLOSED).with_id(id)],
        };
        stream::iter(events)
    });
    Ok(sse.respond(events))
}
