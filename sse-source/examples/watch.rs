//! Prints the events of a server, over any number of connections:
//!
//! ```text
//! cargo run -p sse-source --example watch -- http://127.0.0.1:8080/events
//! ```
//!
//! Stop the server and start it again: the example prints the disconnection and the delay, then resumes after
//! the last event. It ends after the status 204, or with an error, for example after 403.
#![allow(clippy::print_stdout, reason = "output for the user")]

use std::{env, time::Duration};

use futures_util::StreamExt;
use sse_source::{BoxError, ClientConfig, Error, EventSource, Item};

/// Twice the keep-alive interval of the server.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = env::args().nth(1);
    let url = url.unwrap_or("http://127.0.0.1:8080/events".to_owned());
    let mut source = EventSource::get(url)
        .config(ClientConfig::default().idle_timeout(Some(IDLE_TIMEOUT)))
        .build()?;
    while let Some(item) = source.next().await {
        match item {
            Ok(Item::Open(_)) => eprintln!("connected"),
            // Process the event here. Invalid data should not end the stream.
            Ok(Item::Event(event)) => println!("{} #{}", event.data, event.last_event_id),
            Ok(Item::TooLarge(error)) => eprintln!("an event is lost: {error}"),
            Ok(Item::Disconnected(disconnected)) => eprintln!("{disconnected}"),
            Ok(_) => {}
            Err(Error::UnexpectedResponse(refused)) if refused.status == 204 => return Ok(()),
            // `main` prints errors with `Debug`, so the error becomes a readable text.
            Err(error) => return Err(error.report().to_string().into()),
        }
    }
    Ok(())
}
