//! Prints the events of a server for as long as it has any:
//!
//! ```text
//! cargo run -p sse-source --example watch -- http://127.0.0.1:8080/events
//! ```
//!
//! Kill the server and start it again: this says that the stream is gone and when it tries again, then goes
//! on behind the last event. It ends when the server says that it should: by the status 204, or with an
//! error, by 403 for one.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::{env, time::Duration};

use futures_util::StreamExt;
use sse_source::{BoxError, Error, EventSource, Item, Settings};

/// Twice what the server lets pass between signs of life.
const SILENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = env::args().nth(1);
    let url = url.unwrap_or("http://127.0.0.1:8080/events".to_owned());
    let mut source = EventSource::get(url)
        .with_settings(Settings::default().with_idle_timeout(Some(SILENCE)))
        .open()?;
    while let Some(item) = source.next().await {
        match item {
            Ok(Item::Open(_)) => eprintln!("connected"),
            // Here it is worked on. What cannot be read should not end the stream.
            Ok(Item::Event(event)) => println!("{} #{}", event.data, event.last_event_id),
            Ok(Item::TooLarge(error)) => eprintln!("an event is lost: {error}"),
            Ok(Item::Disconnected(disconnected)) => eprintln!("{disconnected}"),
            Ok(_) => {}
            Err(Error::Refused(refused)) if refused.status == 204 => return Ok(()),
            // What it says is for people.
            Err(error) => return Err(error.to_string().into()),
        }
    }
    Ok(())
}
