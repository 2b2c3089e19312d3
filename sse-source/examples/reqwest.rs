//! Prints events with the program's own reqwest client as the transport, with its proxies, headers and cookies.
//! Each attempt has a new token:
//!
//! ```text
//! cargo run -p sse-source --features reqwest --example reqwest -- http://127.0.0.1:8080/events
//! ```
//!
//! The example prints the first five events, over as many connections as necessary, and ends.
#![allow(clippy::print_stdout, reason = "output for the user")]

use std::{env, time::Duration};

use futures_util::StreamExt;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use reqwest::Client;
use sse_source::{BoxError, EventSource, Item, Transport};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = env::args().nth(1);
    let url = url.unwrap_or("http://127.0.0.1:8080/events".to_owned());
    // A timeout for a whole response would end each stream, so none is set.
    let client = Client::builder()
        .user_agent("events/1.0")
        .connect_timeout(Duration::from_secs(10))
        .build()?;
    let mut source = EventSource::get(url)
        .transport(Transport::from_reqwest(client))
        .map_request(async |mut request: Request<_>| {
            let mut token = HeaderValue::try_from(format!("Bearer {}", token().await?))?;
            token.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, token);
            Ok(request)
        })
        .build()?;
    let mut seen = 0;
    while seen < 5
        && let Some(item) = source.next().await
    {
        match item? {
            Item::Event(event) => {
                seen += 1;
                println!("{}", event.data);
            }
            Item::Disconnected(disconnected) => eprintln!("{disconnected}"),
            _ => {}
        }
    }
    Ok(())
}

/// Returns a token, here from the environment. After an error, the attempt has failed, and another one follows.
async fn token() -> Result<String, BoxError> {
    Ok(env::var("TOKEN").unwrap_or_default())
}
