//! Where an event goes.

use std::io;

use serde_json::Value;
use sse_hub::{Post, Topic};
use sse_hyper::Event;

/// The event with where it goes, which follows from itself alone, so that the journal has to keep
/// nothing else. Its topic is its type; but for news, it is the state of something.
pub(crate) fn post(event: Event) -> io::Result<Post> {
    let topic = Topic::new(event.event_type()).map_err(io::Error::other)?;
    let data: Value = serde_json::from_str(event.data()).unwrap_or_default();
    let key = match topic.as_str() {
        "time" => Some("now"),
        "stocks" => data["symbol"].as_str(),
        "scores" => data["home"].as_str(),
        _ => None,
    };
    let post = Post::new(topic, event);
    Ok(match key {
        Some(key) => post.with_key(key),
        None => post,
    })
}
