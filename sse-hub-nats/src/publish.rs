//! Publishing of events, repeated until NATS has stored them.

use core::time::Duration;
use std::error::Error as _;

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        context::{PublishError, PublishErrorKind},
    },
};
use bytes::Bytes;
use sse_hub::{BackendError, BackendErrorKind, Publication, Topics};
use tokio::time::timeout;

use crate::{
    connection::{Backoff, ConnectionEpoch},
    error,
    jetstream::Shared,
    message,
};

/// Failure of one attempt to publish.
enum Failure {
    /// Another attempt may succeed.
    Temporary(BackendError),
    /// Other attempts would fail, too.
    Permanent(BackendError),
    /// Another message of the stream, with this sequence, has the same message ID.
    IdTaken(u64),
}

/// Event that is being published.
struct Message<'a> {
    topics: &'a Topics,
    headers: HeaderMap,
    payload: Bytes,
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        match error.kind() {
            BackendErrorKind::Unavailable => Self::Temporary(error),
            _ => Self::Permanent(error),
        }
    }
}

impl Shared {
    /// Publishes an event. Repeats the attempt until NATS has stored the event, or until the timeout.
    pub(crate) async fn publish(&self, publication: &Publication) -> Result<u64, BackendError> {
        let (headers, payload) = message::encode(publication);
        let mut message = Message {
            topics: &publication.topics,
            headers,
            payload,
        };
        let limit = self.config.publish_timeout;
        let mut reason = None;
        let attempts = async {
            let mut backoff = Backoff::default();
            // This is the first attempt with the current message ID.
            let mut is_first = true;
            loop {
                match self.attempt(limit, &message, is_first).await {
                    Ok(sequence) => return Ok(sequence),
                    Err(Failure::Permanent(error)) => return Err(error),
                    Err(Failure::Temporary(error)) => {
                        reason = Some(error);
                        is_first = false;
                        backoff.wait().await;
                    }
                    Err(Failure::IdTaken(sequence)) => {
                        let stream = &self.config.stream;
                        tracing::warn!(
                            stream,
                            sequence,
                            "another message has the ID of this event"
                        );
                        message::renew_id(&mut message.headers);
                        is_first = true;
                    }
                }
            }
        };
        match timeout(limit, attempts).await {
            Ok(result) => result,
            Err(_) => {
                let reason = reason.unwrap_or_else(|| self.connections.not_connected());
                Err(
                    BackendError::new(format!("publishing timed out after {limit:?}"))
                        .with_source(reason),
                )
            }
        }
    }

    async fn attempt(
        &self,
        limit: Duration,
        message: &Message<'_>,
        is_first: bool,
    ) -> Result<u64, Failure> {
        // This ends shortly before the timeout of the whole operation, so that its error has a cause.
        let connection = self
            .connections
            .connected_within(limit.mul_f64(0.9))
            .await?;
        tokio::select! {
            sequence = self.send(&connection, message, is_first) => sequence,
            // The connection has ended, so there will be no answer.
            error = connection.ended() => Err(Failure::Temporary(error)),
        }
    }

    async fn send(
        &self,
        connection: &ConnectionEpoch,
        message: &Message<'_>,
        is_first: bool,
    ) -> Result<u64, Failure> {
        self.ensure_stream(connection).await?;
        let subject = self.subject(message.topics);
        let (headers, payload) = (&message.headers, &message.payload);
        let acknowledged = async {
            let publish = connection.context.publish_with_headers(
                subject.clone(),
                headers.clone(),
                payload.clone(),
            );
            publish.await?.await
        };
        let acknowledged = connection
            .permitted(&format!("{subject:?}"), acknowledged)
            .await?;
        let acknowledged =
            acknowledged.map_err(|error| self.failure(connection, &subject, error))?;
        // The sequence is 0 if an earlier attempt with this ID is still in progress.
        if acknowledged.sequence == 0 {
            let operation = format!("publishing on {subject:?}");
            return Err(Failure::Temporary(
                connection.error(&operation, "no sequence"),
            ));
        }
        // Either an earlier attempt has stored the event, or it is not stored because a message of another publisher
        // has this ID.
        if acknowledged.duplicate {
            let sequence = acknowledged.sequence;
            let is_same = self.is_same(connection, sequence, headers, payload).await;
            // The limits may have removed the message of an earlier attempt already.
            if !is_same?.unwrap_or(!is_first) {
                return Err(Failure::IdTaken(sequence));
            }
        }
        Ok(acknowledged.sequence)
    }

    fn failure(&self, connection: &ConnectionEpoch, subject: &str, error: PublishError) -> Failure {
        if error.kind() == PublishErrorKind::StreamNotFound {
            self.forget_stream();
        }
        let cause = error
            .source()
            .and_then(|source| source.downcast_ref::<jetstream::Error>());
        let kind = match (error.kind(), cause) {
            (PublishErrorKind::MaxPayloadExceeded, _) => BackendErrorKind::TooLarge,
            (PublishErrorKind::StreamNotFound, _) | (_, None) => BackendErrorKind::Unavailable,
            (_, Some(cause)) => error::kind(cause),
        };
        let operation = format!("publishing on {subject:?}");
        connection.error(&operation, error).with_kind(kind).into()
    }
}
