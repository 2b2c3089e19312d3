//! The stream in NATS: made if it is missing, checked if it is there, never changed.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::jetstream::{
    ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, Info, RetentionPolicy, StorageType, Stream},
};
use sse_hub::{BackendError, BackendErrorKind};

use crate::{Settings, link::Life, refusal, subject};

/// Description of the stream, before the time when it was made, in microseconds since 1970. That is the epoch of its
/// numbers: it tells a stream that was deleted and made anew from the one before. The time that NATS itself keeps is
/// not the same on all servers of a cluster.
const DESCRIPTION: &str = "Server-sent events, by sse-hub-nats, since ";

/// JetStream's own default.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// NATS counts nanoseconds in 64 bits with a sign.
const LONGEST: Duration = Duration::from_nanos(i64::MAX as u64);

impl Settings {
    pub(crate) fn subject(&self) -> String {
        let default = || format!("{}.events", self.stream);
        self.subject.clone().unwrap_or_else(default)
    }

    /// The stream as it is now. Makes it if there is none.
    pub(crate) async fn stream(&self, life: &Life) -> Result<Stream<Info>, BackendError> {
        let get = || {
            let get = life.context.get_stream(&self.stream);
            life.permitted("STREAM.INFO.", get)
        };
        let what = || format!("stream {:?}", self.stream);
        match get().await? {
            Ok(stream) => return self.checked(life, stream),
            Err(error) if is_missing(&error.kind()) => {}
            Err(error) => {
                let kind = match error.kind() {
                    GetStreamErrorKind::JetStream(error) => refusal::kind(&error),
                    _ => BackendErrorKind::Unavailable,
                };
                return Err(life.error(&what(), error).with_kind(kind));
            }
        }
        let create = life.context.create_stream(self.config());
        match life.permitted("STREAM.CREATE.", create).await? {
            Ok(stream) => {
                let first = stream.cached_info().state.first_sequence;
                tracing::info!(
                    stream = self.stream,
                    first,
                    "the stream was missing, and is made"
                );
                self.checked(life, stream)
            }
            // Another node was faster.
            Err(error) if is_there(&error.kind()) => {
                let stream = get().await?.map_err(|error| life.error(&what(), error))?;
                self.checked(life, stream)
            }
            Err(error) => {
                let kind = match error.kind() {
                    CreateStreamErrorKind::JetStream(error) => refusal::kind(&error),
                    _ => BackendErrorKind::Unavailable,
                };
                let what = format!("cannot make {}", what());
                Err(life.error(&what, error).with_kind(kind))
            }
        }
    }

    fn config(&self) -> Config {
        let limit =
            |limit: Option<u64>| limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let max_age = self.max_age.unwrap_or_default().min(LONGEST);
        let window = DUPLICATE_WINDOW.max(self.publish_within.saturating_mul(2).min(LONGEST));
        let now = microseconds();
        Config {
            name: self.stream.clone(),
            description: Some(format!("{DESCRIPTION}{now}")),
            subjects: vec![self.subject(), subject::all_below(&self.subject())],
            max_messages: limit(self.max_events),
            max_bytes: limit(self.max_bytes),
            max_age,
            storage: if self.is_in_memory {
                StorageType::Memory
            } else {
                StorageType::File
            },
            num_replicas: self.replicas,
            // It cannot be longer than messages live.
            duplicate_window: match max_age.is_zero() {
                true => window,
                false => window.min(max_age),
            },
            allow_direct: true,
            // Known from NATS 2.10 on.
            first_sequence: Some(now),
            ..Config::default()
        }
    }

    /// Refuses a stream that would lose events, or that is somebody else's.
    fn checked(&self, life: &Life, stream: Stream<Info>) -> Result<Stream<Info>, BackendError> {
        let config = &stream.cached_info().config;
        let subject = self.subject();
        let all_below = subject::all_below(&subject);
        // A stream that was made by hand may have no subjects of topics.
        let mut others = config.subjects.iter().filter(|it| **it != subject);
        let is_ours = config.subjects.contains(&subject) && others.all(|it| *it == all_below);
        let fault = if !is_ours {
            format!(
                "it is to have the subjects {subject:?} and {all_below:?}, and has {:?}",
                config.subjects
            )
        } else if config.subjects.len() > 1 && config.max_messages_per_subject > 0 {
            // What it removes leaves no trace, so that nobody could be told.
            "it is to have no limit of messages for each subject (max_msgs_per_subject)".to_owned()
        } else if config.retention != RetentionPolicy::Limits {
            format!(
                "its retention is to be Limits, and is {:?}",
                config.retention
            )
        } else if config.no_ack {
            "it is to acknowledge messages, and does not (no_ack)".to_owned()
        } else {
            return Ok(stream);
        };
        let error = life.error(&format!("stream {:?}", self.stream), fault);
        Err(error.with_kind(BackendErrorKind::Refused))
    }

    /// Says, for whoever reads the log, where a stream that there is differs from what is set.
    pub(crate) fn compare(&self, found: &Config) {
        let wanted = self.config();
        let stream = &self.stream;
        let differs = |name, wanted: &dyn core::fmt::Debug, found: &dyn core::fmt::Debug| {
            tracing::warn!(
                "the stream {stream:?} has {name} {found:?}, not {wanted:?}: it is left as it is"
            );
        };
        if wanted.subjects.len() != found.subjects.len() {
            differs("the subjects", &wanted.subjects, &found.subjects);
        }
        // For "no limit" there are several numbers.
        let limits = |it: &Config| (it.max_messages.max(-1), it.max_bytes.max(-1), it.max_age);
        if limits(&wanted) != limits(found) {
            differs("the limits", &limits(&wanted), &limits(found));
        }
        if wanted.storage != found.storage {
            differs("the storage", &wanted.storage, &found.storage);
        }
        if wanted.num_replicas != found.num_replicas {
            differs("replicas", &wanted.num_replicas, &found.num_replicas);
        }
        if found.duplicate_window < self.publish_within {
            differs(
                "a duplicate window",
                &wanted.duplicate_window,
                &found.duplicate_window,
            );
        }
    }
}

/// Returns the epoch of the stream's numbers; 0 if it was not made here, or has another description now.
#[expect(clippy::disallowed_methods, reason = "it was written without a sign")]
pub(crate) fn epoch(info: &Info) -> u64 {
    let description = info.config.description.as_deref();
    let digits = description.and_then(|it| it.strip_prefix(DESCRIPTION));
    digits.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// The numbers of its first message and of its last one. Of an empty stream, the first is the next.
pub(crate) fn bounds(info: &Info) -> (u64, u64) {
    let state = &info.state;
    if state.messages == 0 {
        // The last one may be of before the first, in a stream that begins with a large number.
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
