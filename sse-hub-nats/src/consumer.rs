//! Ordered consumer: reads the messages of the stream in their order, until an error.
//!
//! # A note to the next reader
//!
//! This is what NATS calls an ordered consumer. Messages are not acknowledged. The consumer counts the messages that
//! it sends: 1, 2, 3 and so on. If one is missing, or if there is no message and no heartbeat for too long, this
//! consumer fails. The caller then creates a new one, which begins after the last message. The ordered consumer of
//! `async_nats` restarts by itself. It cannot be used here, because the caller must know when that happens.

use core::{error::Error, time::Duration};

use async_nats::{
    HeaderMap, StatusCode, Subject, Subscriber,
    header::NATS_LAST_CONSUMER,
    jetstream::{
        self,
        consumer::{
            AckPolicy, Consumer, DeliverPolicy,
            pull::{BatchConfig, Config},
        },
        stream::ConsumerErrorKind,
    },
};
use futures_util::StreamExt as _;
use sse_hub::{BackendError, BackendErrorKind, Publication};
use tokio::{runtime::Handle, time::timeout};

use crate::{connection::ConnectionEpoch, error, jetstream::Shared, message::InvalidMessage};

/// Interval of the heartbeats that NATS sends while there are no messages.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum time without a message or a heartbeat.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(3500);

/// Time after which NATS drops a request for messages.
const REQUEST_EXPIRY: Duration = Duration::from_secs(30);

/// Time after which NATS drops a consumer without requests.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(30);

/// Maximum number of bytes of one request, unless a single message may be larger.
const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Ordered consumer of NATS.
pub(crate) struct OrderedConsumer {
    connection: ConnectionEpoch,
    /// Number of permission violations when the consumer was created.
    violations: u64,
    consumer: Consumer<Config>,
    inbox: Subject,
    messages: Subscriber,
    /// Consumer sequence of the last message.
    last: u64,
    /// Number of requested messages that have not arrived.
    outstanding: usize,
    /// The next message may be too large for a request with a limit of bytes.
    is_large: bool,
}

/// Message from a consumer.
pub(crate) struct Delivered {
    pub(crate) sequence: u64,
    /// Number of messages after this one, as far as the consumer knows.
    pub(crate) pending: u64,
    pub(crate) publication: Result<Publication, InvalidMessage>,
}

impl OrderedConsumer {
    /// Creates a consumer for the messages of these subjects after this sequence.
    pub(crate) async fn open(
        shared: &Shared,
        connection: ConnectionEpoch,
        after: u64,
        filter: Option<&str>,
    ) -> Result<Self, BackendError> {
        let config = Config {
            filter_subject: filter.unwrap_or_default().to_owned(),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            inactive_threshold: INACTIVE_THRESHOLD,
            num_replicas: 1,
            memory_storage: true,
            ..Config::default()
        };
        let stream = &shared.config.stream;
        let client = connection.context.client();
        let inbox = Subject::from(client.new_inbox());
        let violations = connection.violations();
        let messages = client.subscribe(inbox.clone()).await;
        let messages = messages.map_err(|error| connection.error("subscribing", error))?;
        let consumer = connection
            .context
            .create_consumer_on_stream(config, stream.as_str());
        let consumer = connection.permitted("CONSUMER.CREATE.", consumer).await?;
        let consumer = consumer.map_err(|error| {
            shared.forget_stream();
            let kind = match error.kind() {
                ConsumerErrorKind::JetStream(error) => error::kind(&error),
                _ => BackendErrorKind::Unavailable,
            };
            let operation = format!("reading the stream {stream:?}");
            connection.error(&operation, error).with_kind(kind)
        })?;
        Ok(Self {
            connection,
            violations,
            consumer,
            inbox,
            messages,
            last: 0,
            outstanding: 0,
            is_large: false,
        })
    }

    /// Returns the number of pending messages when the consumer was created.
    pub(crate) fn pending(&self) -> u64 {
        self.consumer.cached_info().num_pending
    }

    /// Returns the number of requested messages that have not arrived.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Requests this number of further messages.
    pub(crate) async fn request(&mut self, messages: usize) -> Result<(), BackendError> {
        let is_large = core::mem::take(&mut self.is_large);
        let limit = MAX_REQUEST_BYTES.max(2 * self.connection.context.client().max_payload());
        let request = BatchConfig {
            batch: if is_large { 1 } else { messages },
            max_bytes: if is_large { 0 } else { limit },
            expires: Some(REQUEST_EXPIRY),
            idle_heartbeat: HEARTBEAT_INTERVAL,
            ..BatchConfig::default()
        };
        self.outstanding += request.batch;
        let requested = self.consumer.request_batch(request, self.inbox.clone());
        requested.await.map_err(|error| self.error(error))
    }

    /// Waits for the next message. Returns `None` if NATS has ended a request before it sent all messages.
    pub(crate) async fn next(
        &mut self,
        shared: &Shared,
    ) -> Result<Option<Delivered>, BackendError> {
        loop {
            let message = tokio::select! {
                biased;
                message = timeout(HEARTBEAT_TIMEOUT, self.messages.next()) => message,
                error = self.connection.ended() => return Err(error),
                error = self.connection.violation(self.violations, "CONSUMER.MSG.NEXT.") => return Err(error),
            };
            let message = match message {
                Ok(Some(message)) => message,
                Ok(None) => return Err(self.error("the subscription has ended")),
                Err(_) => return Err(self.error(format!("no heartbeat for {HEARTBEAT_TIMEOUT:?}"))),
            };
            // Status messages of NATS have no reply subject. A message of the stream may have a status, too.
            let status = match message.reply {
                Some(_) => None,
                None => message.status,
            };
            match status {
                None | Some(StatusCode::OK) => return self.receive(shared, message).map(Some),
                Some(StatusCode::IDLE_HEARTBEAT) => {
                    let last = header_number(message.headers.as_ref(), NATS_LAST_CONSUMER.as_ref());
                    if last.is_some_and(|last| last > self.last) {
                        return Err(self.error("messages were lost in transit"));
                    }
                }
                Some(status) => {
                    let reason = message.description.as_deref().unwrap_or_default();
                    self.end_request(status, reason, message.headers.as_ref())?;
                    return Ok(None);
                }
            }
        }
    }

    fn receive(
        &mut self,
        shared: &Shared,
        message: async_nats::Message,
    ) -> Result<Delivered, BackendError> {
        let message = jetstream::Message {
            message,
            context: self.connection.context.clone(),
        };
        let info = message.info().map_err(|error| self.error(error))?;
        if info.consumer_sequence != self.last + 1 {
            return Err(self.error("messages were lost in transit"));
        }
        let (sequence, pending) = (info.stream_sequence, info.pending);
        self.last += 1;
        self.outstanding = self.outstanding.saturating_sub(1);
        Ok(Delivered {
            sequence,
            pending,
            publication: match message.status {
                None => shared.decode(&message.subject, message.headers.as_ref(), &message.payload),
                Some(_) => Err(InvalidMessage::Status),
            },
        })
    }

    /// Handles the end of a request of which messages are missing.
    fn end_request(
        &mut self,
        status: StatusCode,
        reason: &str,
        headers: Option<&HeaderMap>,
    ) -> Result<(), BackendError> {
        let is_size = reason.contains("MaxBytes");
        let is_over = match status {
            StatusCode::NOT_FOUND | StatusCode::TIMEOUT => true,
            StatusCode::REQUEST_TERMINATED => is_size || reason == "Batch Completed",
            _ => false,
        };
        if !is_over {
            return Err(self.error(format!("{status} {reason}")));
        }
        self.is_large |= is_size;
        let missing = header_number(headers, "Nats-Pending-Messages");
        let missing = missing.and_then(|count| usize::try_from(count).ok());
        self.outstanding = self
            .outstanding
            .saturating_sub(missing.unwrap_or(self.outstanding));
        Ok(())
    }

    fn error(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> BackendError {
        let stream = &self.consumer.cached_info().stream_name;
        self.connection
            .error(&format!("reading the stream {stream:?}"), error)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "NATS writes numbers without a sign"
)]
fn header_number(headers: Option<&HeaderMap>, name: &str) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}

impl Drop for OrderedConsumer {
    /// Deletes the consumer. NATS would drop it later, but there may be many until then.
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            let connection = self.connection.clone();
            let info = self.consumer.cached_info();
            let (name, stream) = (info.name.clone(), info.stream_name.clone());
            runtime.spawn(async move {
                // After a restart of the server, the consumer does not exist any more.
                let delete = connection.context.delete_consumer_from_stream(name, stream);
                tokio::select! {
                    _ = delete => {}
                    _ = connection.ended() => {}
                }
            });
        }
    }
}
