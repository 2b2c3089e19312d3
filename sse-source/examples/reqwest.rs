//! Events by a client of reqwest that the program has anyway, with its proxies, headers and cookies, and
//! with a token that is fetched anew for each attempt:
//!
//! ```text
//! cargo run -p sse-source --features reqwest --example reqwest -- http://127.0.0.1:8080/events
//! ```
//!
//! It prints the first five events, over as many connections as that takes, and ends.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::{env, time::Duration};

use futures_util::StreamExt;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use reqwest::Client;
use sse_source::{BoxError, EventSource, Item, Transport};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = env::args().nth(1);
    let url = url.unwrap_or("http://127.0.0.1:8080/events".to_owned());
    // No timeout for the whole of a response: it would end each stream.
    let client = Client::builder()
        .user_agent("events/1.0")
        .connect_timeout(Duration::from_secs(10))
        .build()?;
    let mut source = EventSource::get(url)
        .with_transport(Transport::from_reqwest(client))
        .with_preparation(async |mut request: Request<_>| {
            let mut token = HeaderValue::try_from(format!("Bearer {}", token().await?))?;
            token.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, token);
            Ok(request)
        })
        .open()?;
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

/// From wherever tokens come. If there is none, the event source ends with this error.
async fn token() -> Result<String, BoxError> {
    Ok(env::var("TOKEN").unwrap_or_default())
}
