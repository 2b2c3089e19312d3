//! Stream in NATS: this module creates it if it is missing, checks an existing one, and never changes it.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::jetstream::{
    ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, Info, RetentionPolicy, StorageType, Stream},
};
use sse_hub::{BackendError, BackendErrorKind};

use crate::{NatsConfig, connection::ConnectionEpoch, error, message};

/// Prefix of the stream's description, before the time of its creation in microseconds since 1970.
///
/// This time is the epoch of the stream's sequences: it distinguishes a recreated stream from the earlier one. The time
/// that NATS itself stores is not equal on all servers of a cluster.
const DESCRIPTION_PREFIX: &str = "Server-sent events, by sse-hub-nats, since ";

/// Default duplicate window of JetStream.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Maximum duration in NATS, which counts nanoseconds as a signed 64-bit number.
const MAX_DURATION: Duration = Duration::from_nanos(i64::MAX as u64);

impl NatsConfig {
    /// Returns the subject of the stream.
    pub(crate) fn base_subject(&self) -> String {
        let default = || format!("{}.events", self.stream);
        self.subject.clone().unwrap_or_else(default)
    }

    /// Returns the stream with its current state. Creates it if it is missing.
    pub(crate) async fn open_stream(
        &self,
        connection: &ConnectionEpoch,
    ) -> Result<Stream<Info>, BackendError> {
        let get = || {
            let get = connection.context.get_stream(&self.stream);
            connection.permitted("STREAM.INFO.", get)
        };
        let operation = || format!("stream {:?}", self.stream);
        match get().await? {
            Ok(stream) => return self.checked(connection, stream),
            Err(error) if is_missing(&error.kind()) => {}
            Err(error) => {
                let kind = match error.kind() {
                    GetStreamErrorKind::JetStream(error) => error::kind(&error),
                    _ => BackendErrorKind::Unavailable,
                };
                return Err(connection.error(&operation(), error).with_kind(kind));
            }
        }
        let create = connection.context.create_stream(self.config());
        match connection.permitted("STREAM.CREATE.", create).await? {
            Ok(stream) => {
                let first = stream.cached_info().state.first_sequence;
                tracing::info!(stream = self.stream, first, "created the missing stream");
                self.checked(connection, stream)
            }
            // Another node has created it at the same time.
            Err(error) if is_there(&error.kind()) => {
                let stream = get()
                    .await?
                    .map_err(|error| connection.error(&operation(), error))?;
                self.checked(connection, stream)
            }
            Err(error) => {
                let kind = match error.kind() {
                    CreateStreamErrorKind::JetStream(error) => error::kind(&error),
                    _ => BackendErrorKind::Unavailable,
                };
                let operation = format!("cannot create {}", operation());
                Err(connection.error(&operation, error).with_kind(kind))
            }
        }
    }

    /// Returns the configuration of a new stream.
    fn config(&self) -> Config {
        let limit =
            |limit: Option<u64>| limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let max_age = self.max_age.unwrap_or_default().min(MAX_DURATION);
        let window = self.publish_timeout.saturating_mul(2).min(MAX_DURATION);
        let window = DUPLICATE_WINDOW.max(window);
        let now = microseconds();
        Config {
            name: self.stream.clone(),
            description: Some(format!("{DESCRIPTION_PREFIX}{now}")),
            subjects: vec![
                self.base_subject(),
                message::wildcard_below(&self.base_subject()),
            ],
            max_messages: limit(self.max_events),
            max_bytes: limit(self.max_bytes),
            max_age,
            storage: if self.is_in_memory {
                StorageType::Memory
            } else {
                StorageType::File
            },
            num_replicas: self.replicas,
            // The duplicate window cannot be longer than the maximum age.
            duplicate_window: match max_age.is_zero() {
                true => window,
                false => window.min(max_age),
            },
            allow_direct: true,
            // Supported by NATS 2.10 and later.
            first_sequence: Some(now),
            ..Config::default()
        }
    }

    /// Returns an error for a stream that would lose events, or that is used for something else.
    fn checked(
        &self,
        connection: &ConnectionEpoch,
        stream: Stream<Info>,
    ) -> Result<Stream<Info>, BackendError> {
        let config = &stream.cached_info().config;
        let subject = self.base_subject();
        let all_below = message::wildcard_below(&subject);
        // A stream that was created by hand may have no subjects for topics.
        let mut others = config.subjects.iter().filter(|other| **other != subject);
        let is_ours = config.subjects.contains(&subject) && others.all(|other| *other == all_below);
        let fault = if !is_ours {
            format!(
                "subjects are {:?}, expected {subject:?} and {all_below:?}",
                config.subjects
            )
        } else if config.subjects.len() > 1 && config.max_messages_per_subject > 0 {
            // This limit removes messages without a trace, so subscribers would miss events without a `reset`.
            "limit of messages per subject is not supported (max_msgs_per_subject)".to_owned()
        } else if config.retention != RetentionPolicy::Limits {
            format!("retention is {:?}, expected Limits", config.retention)
        } else if config.no_ack {
            "acknowledgement of messages is disabled (no_ack)".to_owned()
        } else {
            return Ok(stream);
        };
        let error = connection.error(&format!("stream {:?}", self.stream), fault);
        Err(error.with_kind(BackendErrorKind::Refused))
    }

    /// Logs a warning for each difference between an existing stream and the configuration.
    pub(crate) fn compare(&self, found: &Config) {
        let wanted = self.config();
        let stream = &self.stream;
        let differs = |name, wanted: &dyn core::fmt::Debug, found: &dyn core::fmt::Debug| {
            tracing::warn!(
                "stream {stream:?} has {name} {found:?}, not {wanted:?}; it is not changed"
            );
        };
        if wanted.subjects.len() != found.subjects.len() {
            differs("subjects", &wanted.subjects, &found.subjects);
        }
        // NATS has several numbers for "no limit".
        let limits = |config: &Config| {
            (
                config.max_messages.max(-1),
                config.max_bytes.max(-1),
                config.max_age,
            )
        };
        if limits(&wanted) != limits(found) {
            differs("limits", &limits(&wanted), &limits(found));
        }
        if wanted.storage != found.storage {
            differs("storage", &wanted.storage, &found.storage);
        }
        if wanted.num_replicas != found.num_replicas {
            differs("replicas", &wanted.num_replicas, &found.num_replicas);
        }
        if found.duplicate_window < self.publish_timeout {
            differs(
                "duplicate window",
                &wanted.duplicate_window,
                &found.duplicate_window,
            );
        }
    }
}

/// Returns the epoch of the stream's sequences. 0 if the stream was created by hand, or if its description was changed.
#[expect(
    clippy::disallowed_methods,
    reason = "this crate writes it without a sign"
)]
pub(crate) fn epoch(info: &Info) -> u64 {
    let description = info.config.description.as_deref();
    let digits = description.and_then(|text| text.strip_prefix(DESCRIPTION_PREFIX));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Returns the sequences of the stream's first and last message. For an empty stream, the first one is that of the
/// next message.
pub(crate) fn bounds(info: &Info) -> (u64, u64) {
    let state = &info.state;
    if state.messages == 0 {
        // If an empty stream begins with a large sequence, its last sequence may be lower than its first one minus 1.
        let last = state
            .last_sequence
            .max(state.first_sequence.saturating_sub(1));
        return (last + 1, last);
    }
    (state.first_sequence, state.last_sequence)
}

fn is_missing(error: &GetStreamErrorKind) -> bool {
    matches!(error, GetStreamErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn is_there(error: &CreateStreamErrorKind) -> bool {
    matches!(error, CreateStreamErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::STREAM_NAME_EXIST)
}

fn microseconds() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(time.unwrap_or_default().as_micros()).unwrap_or(1)
}
