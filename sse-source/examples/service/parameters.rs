//! Bodies of requests to the service.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, Uri};
use serde::Deserialize;
use sse_source::{BoxError, ClientConfig, EventId, EventSource};

/// Parameters of a stream to open.
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

/// Command to a stream.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(super) enum Command {
    Listen {
        // The first versions of the tests write it with a capital letter.
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

/// Reconnection time by default. The library's 3 s would slow the tests down.
const DEFAULT_RECONNECTION_TIME: Duration = Duration::from_secs(1);

/// Minimum delay of all streams. Without it, a stream that ends after each event, or a `retry: 0`, would cause
/// reconnections without a pause.
const MIN_DELAY: Duration = Duration::from_millis(50);

/// Minimum and maximum delay of the library by default.
const DEFAULT_MIN_DELAY: Duration = Duration::from_millis(500);
const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(5 * 60);

/// Maximum delay that repeated failures cause. It is short, because the tests stop servers and wait.
const BACKOFF_LIMIT: Duration = Duration::from_secs(2);

impl Parameters {
    pub(super) fn open(&self) -> Result<EventSource, BoxError> {
        let method = Method::from_bytes(self.method.as_deref().unwrap_or("GET").as_bytes())?;
        let url = http_url("streamUrl", &self.stream_url)?;
        let mut builder = EventSource::request(method, url)
            .config(self.config())
            .resend(true);
        if let Some(id) = self.last_event_id.as_ref().filter(|id| !id.is_empty()) {
            builder = builder.last_event_id(EventId::new(id.clone())?);
        }
        for (name, value) in self.headers.iter().flatten() {
            builder = builder.header(name.as_str(), value.as_str());
        }
        if let Some(body) = &self.body {
            builder = builder.body(body.clone());
        }
        Ok(builder.build()?)
    }

    /// Returns the configuration of the event source. A read timeout of 0 means no timeout.
    fn config(&self) -> ClientConfig {
        let delay = self
            .initial_delay_ms
            .map_or(DEFAULT_RECONNECTION_TIME, Duration::from_millis);
        let min_delay = delay.clamp(MIN_DELAY, DEFAULT_MIN_DELAY);
        let mut config = ClientConfig::default()
            .reconnection_time(delay)
            .min_delay(min_delay)
            .max_delay(DEFAULT_MAX_DELAY)
            .max_backoff(BACKOFF_LIMIT);
        if let Some(timeout) = self.read_timeout_ms.filter(|time| *time > 0) {
            let timeout = Some(Duration::from_millis(timeout));
            config = config.head_timeout(timeout).idle_timeout(timeout);
        }
        config
    }
}

/// Parses the URL of a request, which must be `http` or `https`.
pub(super) fn http_url(name: &str, text: &str) -> Result<Uri, BoxError> {
    let url: Uri = text
        .try_into()
        .map_err(|error| format!("{name}: {text:?}: {error}"))?;
    match url.scheme_str() {
        Some("http" | "https") => Ok(url),
        _ => Err(format!("{name}: {text:?} is not an http URL").into()),
    }
}
