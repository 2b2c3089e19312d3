//! Callbacks that report the items of a stream to the test harness.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Serialize;
use sse_source::{BoxError, DisconnectReason, Error, Item};
use tokio::time::timeout;

/// Maximum time for the response to a callback.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Time that an idle connection is kept. Servers keep it longer.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Callback {
    Event { event: Event },
    Comment { comment: String },
    Error { error: String },
}

#[derive(Serialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    event_type: String,
    data: String,
    id: String,
}

impl Callback {
    /// Returns the callback for an item, if it has one.
    ///
    /// Each failed attempt and each broken stream is an error, even if another attempt follows. A stream that the
    /// server ended, or that the harness restarted, is not an error.
    pub(super) fn from_item(item: Result<Item, Error>) -> Option<Self> {
        Some(match item {
            Ok(Item::Event(event)) => Self::Event {
                event: Event {
                    event_type: event.event_type,
                    data: event.data,
                    id: event.last_event_id.to_string(),
                },
            },
            Ok(Item::Comment(comment)) => Self::Comment { comment },
            Ok(Item::Disconnected(disconnected)) => match disconnected.reason {
                DisconnectReason::EndOfStream
                | DisconnectReason::Truncated
                | DisconnectReason::Requested => return None,
                _ => Self::error(disconnected),
            },
            Ok(Item::TooLarge(error)) => Self::error(error),
            Ok(Item::LastEventIdDropped { length, .. }) => Self::error(format_args!(
                "the server refuses the last event ID of {length} bytes"
            )),
            Ok(_) => return None,
            Err(error) => Self::error(error.report()),
        })
    }

    fn error(error: impl ToString) -> Self {
        let error = error.to_string();
        Self::Error { error }
    }
}

/// Posts callbacks one after the other, and numbers them.
pub(super) struct Poster {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    tag: Option<String>,
    count: u64,
}

impl Poster {
    pub(super) fn new(callback_url: &str, tag: Option<String>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build(connector);
        Self {
            client,
            base: callback_url.trim_end_matches('/').to_owned(),
            tag,
            count: 0,
        }
    }

    /// Posts a callback. If it cannot be delivered, it is dropped, but its number is used.
    pub(super) async fn post(&mut self, callback: &Callback) {
        self.count += 1;
        let url = format!("{}/{}", self.base, self.count);
        let attempt = timeout(CALLBACK_TIMEOUT, self.deliver(&url, callback));
        if let Err(error) = attempt.await.unwrap_or_else(|elapsed| Err(elapsed.into())) {
            let tag = self.tag.as_deref().unwrap_or_default();
            eprintln!("{tag}: callback {url}: {error}");
        }
    }

    async fn deliver(&self, url: &str, callback: &Callback) -> Result<StatusCode, BoxError> {
        let url: Uri = url.try_into()?;
        let body = Bytes::from(serde_json::to_vec(callback)?);
        match self.send(&url, &body).await {
            // The server may have just closed this connection, so the callback is sent again.
            Err(_) => self.send(&url, &body).await,
            answered => answered,
        }
    }

    async fn send(&self, url: &Uri, body: &Bytes) -> Result<StatusCode, BoxError> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.clone()))?;
        let response = self.client.request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    }
}
