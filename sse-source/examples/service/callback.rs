//! Callbacks: what a stream says, for the one who opened it.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Serialize;
use sse_source::{BoxError, Error, Item, Reason};
use tokio::time::timeout;

/// How long the answer to a callback is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// For how long a connection is used again: for less than any server keeps it.
const KEEP: Duration = Duration::from_secs(1);

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
    /// What is to be told of an item, if anything is.
    ///
    /// An error is each attempt that failed and each stream that broke, whether there is another try
    /// or not. None is a stream that its server ended, or one that was asked to start again.
    pub(super) fn of(item: Result<Item, Error>) -> Option<Self> {
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
                Reason::End | Reason::Truncated | Reason::Requested => return None,
                _ => Self::error(disconnected),
            },
            Ok(Item::TooLarge(error)) => Self::error(error),
            Ok(Item::LastEventIdDropped { length, .. }) => Self::error(format_args!(
                "the server refuses the last event ID of {length} bytes"
            )),
            Ok(_) => return None,
            Err(error) => Self::error(error),
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
            .pool_idle_timeout(KEEP)
            .build(connector);
        Self {
            client,
            base: callback_url.trim_end_matches('/').to_owned(),
            tag,
            count: 0,
        }
    }

    /// A callback that cannot be delivered is gone, but its number is used.
    pub(super) async fn post(&mut self, callback: &Callback) {
        self.count += 1;
        let url = format!("{}/{}", self.base, self.count);
        let attempt = timeout(PATIENCE, self.deliver(&url, callback));
        if let Err(error) = attempt.await.unwrap_or_else(|elapsed| Err(elapsed.into())) {
            let tag = self.tag.as_deref().unwrap_or_default();
            eprintln!("{tag}: callback {url}: {error}");
        }
    }

    async fn deliver(&self, url: &str, callback: &Callback) -> Result<StatusCode, BoxError> {
        let url: Uri = url.try_into()?;
        let body = Bytes::from(serde_json::to_vec(callback)?);
        match self.send(&url, &body).await {
            // The connection may have been one that the server has just closed.
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
