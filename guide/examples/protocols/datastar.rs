//! Page with Datastar: actions of the page are requests, and the events of their responses change its elements and its
//! signals.

mod event;

use axum::{
    Json, Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use serde_json::json;
use sse_hub::{EventId, SubscribeError};
use sse_hyper::{Event, EventStreamRequest};

use self::event::{ExecuteScript, InvalidArgument, Mode, PatchElements, PatchSignals};
use crate::{
    html::Escaped,
    wall::{Change, NewNote, Note, Wall},
};

pub(crate) fn router(wall: Wall) -> Router {
    Router::new()
        .route("/", get(Html(include_str!("datastar/page.html"))))
        .route("/stream", get(read))
        .route("/notes", post(post_note))
        .with_state(wall)
}

async fn read(
    State(wall): State<Wall>,
    sse: EventStreamRequest,
) -> Result<impl IntoResponse, SubscribeError> {
    let changes = wall.changes(&sse)?;
    Ok(sse.respond(changes.flat_map(|(id, change)| {
        let events = match change {
            Change::Posted(note) => posted(&note, id),
            // The page cancels a request when the element of the action is gone.
            Change::Closed => PatchElements::remove("#source")
                .event()
                .map(|event| vec![event.with_id(id)]),
        };
        match events {
            Ok(events) => stream::iter(events.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        }
    })))
}

/// Returns the events for a note. Only the last one has the ID, so that a page whose connection breaks between them gets
/// all of them again.
fn posted(note: &Note, id: EventId) -> Result<Vec<Event>, InvalidArgument> {
    let count = note.number;
    let title = json!(format!("{count} notes"));
    let element = format!("<li>{}</li>", Escaped(&note.text));
    Ok(vec![
        PatchSignals::new(&json!({ "count": count })).event(),
        ExecuteScript::new(&format!("document.title = {title}")).event()?,
        PatchElements::new(&element)
            .selector("#notes")
            .mode(Mode::Append)
            .event()?
            .with_id(id),
    ])
}

/// Adds a note, and clears the form with the response. The body of a request has the signals of the page.
async fn post_note(
    State(wall): State<Wall>,
    sse: EventStreamRequest,
    Json(signals): Json<NewNote>,
) -> Response {
    if let Err(error) = wall.post(signals) {
        return error.into_response();
    }
    let cleared = PatchSignals::new(&json!({ "text": "" })).event();
    sse.respond(stream::iter([cleared])).into_response()
}
