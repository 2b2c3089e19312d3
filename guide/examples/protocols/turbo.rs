//! Page with Turbo: each message of the stream has elements `<turbo-stream>`, which say how to change the page.

use axum::{
    Form, Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{Html, IntoResponse},
    routing::{get, post},
};
use futures_util::StreamExt;
use sse_hub::{PublishError, SubscribeError};
use sse_hyper::{Event, EventStreamRequest};

use crate::{
    html::Escaped,
    wall::{Change, NewNote, Wall},
};

pub(crate) fn router(wall: Wall) -> Router {
    Router::new()
        .route("/", get(Html(include_str!("turbo/page.html"))))
        .route("/stream", get(read))
        .route("/notes", post(post_note))
        .with_state(wall)
}

async fn read(
    State(wall): State<Wall>,
    sse: EventStreamRequest,
) -> Result<impl IntoResponse, SubscribeError> {
    let events = wall.changes(&sse)?.map(|(id, change)| {
        let message = match change {
            Change::Posted(note) => {
                let text = Escaped(&note.text).to_string();
                let count = format!("<output id=\"count\">{} notes</output>", note.number);
                [
                    turbo_stream("append", "notes", &format!("<li>{text}</li>")),
                    turbo_stream("replace", "count", &count),
                ]
                .join("\n")
            }
            // The page closes a stream when its element is gone.
            Change::Closed => turbo_stream("remove", "source", ""),
        };
        Event::new(message).with_id(id)
    });
    Ok(sse.respond(events))
}

/// Adds a note, and clears the form. Turbo accepts its elements also as the response to a form.
async fn post_note(
    State(wall): State<Wall>,
    Form(note): Form<NewNote>,
) -> Result<impl IntoResponse, PublishError> {
    wall.post(note)?;
    let cleared = r#"<textarea id="text" name="text" required></textarea>"#;
    let media_type = [(CONTENT_TYPE, "text/vnd.turbo-stream.html")];
    Ok((media_type, turbo_stream("replace", "text", cleared)))
}

fn turbo_stream(action: &str, target: &str, html: &str) -> String {
    format!(
        "<turbo-stream action=\"{action}\" target=\"{target}\">
           <template>{html}</template>
         </turbo-stream>"
    )
}
