//! What requests to the service hold.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, Uri};
use serde::Deserialize;
use sse_source::{BoxError, EventId, EventSource, Settings};

/// Of a stream that is to be opened.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    stream_url: String,
    pub(super) callback_url: String,
    pub(super) tag: Option<String>,
    initial_delay_ms: Option<u64>,
    read_timeout_ms: Option<u64>,
    last_event_id: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    method: Option<String>,
    body: Option<String>,
}

/// A command to a stream.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(super) enum Command {
    Listen {
        // The first versions of the tests write it large.
        #[serde(rename = "listen", alias = "Listen")]
        _listen: Listen,
    },
    Restart,
}

#[derive(Deserialize)]
pub(super) struct Listen {
    #[serde(rename = "type")]
    _event_type: String,
}

/// How long it waits if nothing else is asked for. The library's 3 s would have the checks wait.
const DELAY: Duration = Duration::from_secs(1);

/// The least that it waits, whatever is asked for: a stream that ends with each event, or a `retry: 0`,
/// would have it try again without rest.
const REST: Duration = Duration::from_millis(50);

/// The least and the greatest that the library waits if nothing else is asked for.
const FLOOR: Duration = Duration::from_millis(500);
const CEILING: Duration = Duration::from_secs(5 * 60);

/// To how much failures may double the delay: little, for the checks take servers away and wait.
const BACKOFF_LIMIT: Duration = Duration::from_secs(2);

impl Parameters {
    pub(super) fn open(&self) -> Result<EventSource, BoxError> {
        let method = Method::from_bytes(self.method.as_deref().unwrap_or("GET").as_bytes())?;
        let url = http_url("streamUrl", &self.stream_url)?;
        let mut builder = EventSource::request(method, url)
            .with_settings(self.settings())
            .with_repetition();
        if let Some(id) = self.last_event_id.as_ref().filter(|id| !id.is_empty()) {
            builder = builder.with_last_event_id(EventId::new(id.clone())?);
        }
        for (name, value) in self.headers.iter().flatten() {
            builder = builder.with_header(name.as_str(), value.as_str());
        }
        if let Some(body) = &self.body {
            builder = builder.with_body(body.clone());
        }
        Ok(builder.open()?)
    }

    /// A timeout of nothing is none.
    fn settings(&self) -> Settings {
        let delay = self.initial_delay_ms.map_or(DELAY, Duration::from_millis);
        let floor = delay.clamp(REST, FLOOR);
        let mut settings = Settings::default()
            .with_reconnection_time(delay)
            .with_bounds(floor, CEILING)
            .with_backoff_limit(BACKOFF_LIMIT);
        if let Some(timeout) = self.read_timeout_ms.filter(|time| *time > 0) {
            let timeout = Some(Duration::from_millis(timeout));
            settings = settings
                .with_head_timeout(timeout)
                .with_idle_timeout(timeout);
        }
        settings
    }
}

/// A URL that a client can send a request to.
pub(super) fn http_url(name: &str, text: &str) -> Result<Uri, BoxError> {
    let url: Uri = text
        .try_into()
        .map_err(|error| format!("{name}: {text:?}: {error}"))?;
    match url.scheme_str() {
        Some("http" | "https") => Ok(url),
        _ => Err(format!("{name}: {text:?} is no URL of http").into()),
    }
}
