//! Poison messages, which the client of `async_nats` cannot read, and raw access to messages with any headers.
//!
//! If the client of `async_nats` gets headers that it cannot read, it closes the connection or panics, each time that
//! it gets them ([nats.rs#1612](https://github.com/nats-io/nats.rs/pull/1612)). So a reader that has lost the
//! connection first reads messages with the API of this module, which returns headers as encoded text. It continues
//! until enough messages in a row were readable. It deletes a poison message.

use core::error::Error;

use async_nats::header::NATS_MESSAGE_ID;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use sse_hub::{BackendError, BackendErrorKind, Publication};

use crate::{
    connection::ConnectionEpoch,
    jetstream::Shared,
    message::{self, Headers, InvalidMessage},
};

/// All subjects of the stream.
pub(crate) const ALL_SUBJECTS: &str = ">";

/// Error code of JetStream for "no message found".
const NOT_FOUND_CODE: u64 = 10037;

/// Number of messages in a row that must be readable after a poison message, before the client reads again.
const MIN_READABLE_MESSAGES: u32 = 256;

/// Number of messages that are still to be read with raw access.
#[derive(Debug, Default)]
pub(crate) struct RawReads(u32);

impl RawReads {
    /// Requests raw access for the next message after a failure, because that message may be its cause. A refusal has
    /// another cause.
    pub(crate) fn require_after(&mut self, error: &BackendError) {
        if error.kind() != BackendErrorKind::Refused {
            self.0 = self.0.max(1);
        }
    }

    /// Returns whether the client may read the next message.
    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

/// Message from raw access.
pub(crate) struct Found {
    pub(crate) sequence: u64,
    pub(crate) publication: Result<Publication, InvalidMessage>,
}

/// Message with undecoded headers and payload.
struct Raw {
    sequence: u64,
    subject: String,
    headers: Vec<u8>,
    payload: Vec<u8>,
}

impl Shared {
    /// Returns the next message by raw access. Raw access ends if there is no message, or if enough were readable.
    pub(crate) async fn read_raw(
        &self,
        connection: &ConnectionEpoch,
        after: u64,
        raw_reads: &mut RawReads,
    ) -> Result<Option<Found>, BackendError> {
        let Some(raw) = self.next_raw(connection, after, ALL_SUBJECTS).await? else {
            raw_reads.0 = 0;
            return Ok(None);
        };
        raw_reads.0 = raw_reads.0.saturating_sub(1);
        let publication = match message::parse_headers(&raw.headers) {
            Headers::Read(headers) => self.decode(&raw.subject, headers.as_ref(), &raw.payload),
            Headers::Status => Err(InvalidMessage::Status),
            Headers::Poison => {
                raw_reads.0 = MIN_READABLE_MESSAGES;
                self.delete(connection, raw.sequence).await?;
                Err(InvalidMessage::Poison)
            }
        };
        Ok(Some(Found {
            sequence: raw.sequence,
            publication,
        }))
    }

    /// Returns the sequence of the next message with one of these subjects, if there is one.
    pub(crate) async fn next_sequence(
        &self,
        connection: &ConnectionEpoch,
        after: u64,
        subject: &str,
    ) -> Result<Option<u64>, BackendError> {
        let next = self.next_raw(connection, after, subject).await?;
        Ok(next.map(|message| message.sequence))
    }

    /// Returns whether the message with this sequence has these headers and this payload. `None` if it does not exist
    /// any more.
    pub(crate) async fn is_same(
        &self,
        connection: &ConnectionEpoch,
        sequence: u64,
        message: &async_nats::HeaderMap,
        payload: &Bytes,
    ) -> Result<Option<bool>, BackendError> {
        let raw = self
            .next_raw(connection, sequence.saturating_sub(1), ALL_SUBJECTS)
            .await?;
        let Some(raw) = raw.filter(|raw| raw.sequence == sequence) else {
            return Ok(None);
        };
        let Headers::Read(Some(found)) = message::parse_headers(&raw.headers) else {
            return Ok(Some(false));
        };
        let names = [
            message::TOPICS_HEADER,
            message::KEY_HEADER,
            NATS_MESSAGE_ID.as_ref(),
        ];
        let is_same = |name: &str| found.get(name) == message.get(name);
        Ok(Some(
            raw.payload == *payload && names.into_iter().all(is_same),
        ))
    }

    /// Deletes a message. If this is not permitted, logs a warning: the next reader gets the message again.
    async fn delete(
        &self,
        connection: &ConnectionEpoch,
        sequence: u64,
    ) -> Result<(), BackendError> {
        let stream = &self.config.stream;
        let subject = format!("STREAM.MSG.DELETE.{stream}");
        let request = json!({"seq": sequence, "no_erase": true});
        let delete = connection.context.request::<_, _, Value>(subject, &request);
        let refusal = match connection.permitted("STREAM.MSG.DELETE.", delete).await {
            Ok(Ok(answer)) if answer["success"].as_bool() == Some(true) => return Ok(()),
            Ok(Ok(answer)) => BackendError::new(answer["error"].to_string()),
            Ok(Err(error)) => {
                let operation = format!("deleting message {sequence} of the stream {stream:?}");
                return Err(connection.error(&operation, error));
            }
            Err(refusal) => refusal,
        };
        let error: &(dyn Error + 'static) = &refusal;
        tracing::warn!(
            stream,
            sequence,
            error,
            "cannot delete a message that no client can read"
        );
        Ok(())
    }

    /// Returns the next message with one of these subjects, if there is one.
    async fn next_raw(
        &self,
        connection: &ConnectionEpoch,
        after: u64,
        subjects: &str,
    ) -> Result<Option<Raw>, BackendError> {
        let stream = &self.config.stream;
        let operation = format!("reading the stream {stream:?}");
        let subject = format!("STREAM.MSG.GET.{stream}");
        let request = json!({"seq": after.saturating_add(1), "next_by_subj": subjects});
        let get = connection.context.request::<_, _, Value>(subject, &request);
        let found = connection.permitted("STREAM.MSG.GET.", get).await?;
        let found = found.map_err(|error| connection.error(&operation, error))?;
        if found["error"]["err_code"].as_u64() == Some(NOT_FOUND_CODE) {
            return Ok(None);
        }
        let message = &found["message"];
        let sequence = message["seq"].as_u64();
        let sequence =
            sequence.ok_or_else(|| connection.error(&operation, found["error"].to_string()))?;
        let bytes = |name: &str| {
            let encoded = message[name].as_str().unwrap_or_default();
            STANDARD
                .decode(encoded)
                .map_err(|error| connection.error(&operation, error))
        };
        Ok(Some(Raw {
            sequence,
            subject: message["subject"].as_str().unwrap_or_default().to_owned(),
            headers: bytes("hdrs")?,
            payload: bytes("data")?,
        }))
    }
}
