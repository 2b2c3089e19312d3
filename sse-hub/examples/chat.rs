//! Chat rooms: only members can read and write, and a client that reconnects misses no message.
//!
//! `curl -N -H 'Authorization: Bearer alice-secret' 127.0.0.1:8080/rooms/tea` reads, and with `-d 'hello'` it writes.

use std::{future::ready, io, time::Duration};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header::AUTHORIZATION};
use axum::{Router, response::IntoResponse, response::Result, routing::get};
use sse_hub::{Denied, Event, EventId, Grant, Hub, SubscribeError, Topic};
use sse_hyper::{LastEventId, StreamTracker};

/// Returns the name of the member who sent these headers. A real server asks its database.
fn member(headers: &HeaderMap, room: &str) -> Result<&'static str, Denied> {
    let token = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    match (token, room) {
        (Some(b"Bearer alice-secret"), "tea" | "coffee") => Ok("alice"),
        (Some(b"Bearer bob-secret"), "tea") => Ok("bob"),
        _ => Err(Denied::new("not a member of this room")),
    }
}

/// Sends the last 50 messages and all later ones, or those after the last one that the client has seen.
async fn read(
    State((hub, streams)): State<(Hub, StreamTracker)>,
    (Path(room), LastEventId(seen)): (Path<String>, LastEventId<EventId>),
    headers: HeaderMap,
) -> Result<impl IntoResponse> {
    let messages = hub.subscription(Topic::from_segments(["room", &room])?);
    // The hub asks again after a minute, so that a former member gets no more messages.
    let minute = Duration::from_secs(60);
    let authorizer = move |_| ready(member(&headers, &room).map(|_| Grant::expires_in(minute)));
    let messages = messages.replay_last(50).after(seen.as_ref());
    Ok(streams.body(messages.subscribe_authorized(authorizer).await?))
}

/// Publishes a message, and returns its ID.
async fn write(
    State((hub, _)): State<(Hub, StreamTracker)>,
    (Path(room), headers): (Path<String>, HeaderMap),
    text: String,
) -> Result<String> {
    let name = member(&headers, &room).map_err(SubscribeError::Denied)?;
    let topic = Topic::from_segments(["room", &room])?;
    let message = Event::new(format!("{name}: {text}"));
    let id = hub.publish((topic, message)).await?;
    Ok(format!("{id}\n"))
}

pub(crate) fn router() -> Router {
    let room = get(read).post(write);
    let routes = Router::new().route("/rooms/{room}", room);
    routes.with_state((Hub::default(), StreamTracker::default()))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, router()).await
}
