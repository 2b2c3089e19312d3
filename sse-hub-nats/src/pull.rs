//! The messages of the stream in their order, as long as nothing goes wrong.
//!
//! # A note to the next reader
//!
//! It is what NATS calls an ordered consumer: nothing is acknowledged, and the numbers that the consumer
//! gives to what it sends must be 1, 2, 3 … If one is missing, or if there is no sign of life for too
//! long, this is over, and whoever needs more begins again behind the last message that came. The one
//! of `async_nats` does that by itself, which is just what is of no use here: we have to know when.

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
use sse_hub::{BackendError, BackendErrorKind, Post};
use tokio::{runtime::Handle, time::timeout};

use crate::{link::Life, refusal, shared::Shared, wire::NotOurs};

/// NATS says so often that it is there when there is nothing else.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// No sign of life for so long is the end.
const SILENCE: Duration = Duration::from_millis(3500);

/// How long NATS keeps a request for messages.
const EXPIRES: Duration = Duration::from_secs(30);

/// After how long NATS drops a consumer that nobody asks.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// The bytes of one request, unless a single message may have more.
const BYTES: usize = 4 * 1024 * 1024;

/// A consumer of NATS.
pub(crate) struct Pull {
    life: Life,
    /// Number of violations when it began.
    violations: u64,
    consumer: Consumer<Config>,
    inbox: Subject,
    messages: Subscriber,
    /// The consumer's own number of its last message.
    last: u64,
    /// How many messages are still to come.
    asked: usize,
    /// The next message may be too large for a request that has a limit.
    is_large: bool,
}

/// A message.
pub(crate) struct Delivered {
    pub(crate) number: u64,
    /// How many are behind it, as far as the consumer knows.
    pub(crate) pending: u64,
    pub(crate) post: Result<Post, NotOurs>,
}

impl Pull {
    /// Begins behind this number, with messages of these subjects.
    pub(crate) async fn open(
        shared: &Shared,
        life: Life,
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
            inactive_threshold: FORGOTTEN,
            num_replicas: 1,
            memory_storage: true,
            ..Config::default()
        };
        let stream = &shared.settings.stream;
        let client = life.context.client();
        let inbox = Subject::from(client.new_inbox());
        let violations = life.violations();
        let messages = client.subscribe(inbox.clone()).await;
        let messages = messages.map_err(|error| life.error("subscribing", error))?;
        let consumer = life
            .context
            .create_consumer_on_stream(config, stream.as_str());
        let consumer = life.permitted("CONSUMER.CREATE.", consumer).await?;
        let consumer = consumer.map_err(|error| {
            shared.forget_stream();
            let kind = match error.kind() {
                ConsumerErrorKind::JetStream(error) => refusal::kind(&error),
                _ => BackendErrorKind::Unavailable,
            };
            let what = format!("reading the stream {stream:?}");
            life.error(&what, error).with_kind(kind)
        })?;
        Ok(Self {
            life,
            violations,
            consumer,
            inbox,
            messages,
            last: 0,
            asked: 0,
            is_large: false,
        })
    }

    /// How many messages there were when it began.
    pub(crate) fn pending(&self) -> u64 {
        self.consumer.cached_info().num_pending
    }

    /// How many messages are asked for and have not come.
    pub(crate) fn asked(&self) -> usize {
        self.asked
    }

    /// Asks for so many messages more.
    pub(crate) async fn ask(&mut self, messages: usize) -> Result<(), BackendError> {
        let is_large = core::mem::take(&mut self.is_large);
        let limit = BYTES.max(2 * self.life.context.client().max_payload());
        let request = BatchConfig {
            batch: if is_large { 1 } else { messages },
            max_bytes: if is_large { 0 } else { limit },
            expires: Some(EXPIRES),
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        };
        self.asked += request.batch;
        let asked = self.consumer.request_batch(request, self.inbox.clone());
        asked.await.map_err(|error| self.error(error))
    }

    /// The next message; none if NATS has ended a request before it sent all.
    pub(crate) async fn next(
        &mut self,
        shared: &Shared,
    ) -> Result<Option<Delivered>, BackendError> {
        loop {
            let message = tokio::select! {
                biased;
                message = timeout(SILENCE, self.messages.next()) => message,
                error = self.life.down() => return Err(error),
                error = self.life.violation(self.violations, "CONSUMER.MSG.NEXT.") => return Err(error),
            };
            let message = match message {
                Ok(Some(message)) => message,
                Ok(None) => return Err(self.error("the subscription has ended")),
                Err(_) => return Err(self.error(format!("silent for {SILENCE:?}"))),
            };
            // What NATS itself says has no subject for a reply. A message of the stream may have a status, too.
            let status = match message.reply {
                Some(_) => None,
                None => message.status,
            };
            match status {
                None | Some(StatusCode::OK) => return self.delivered(shared, message).map(Some),
                Some(StatusCode::IDLE_HEARTBEAT) => {
                    let last = number(message.headers.as_ref(), NATS_LAST_CONSUMER.as_ref());
                    if last.is_some_and(|last| last > self.last) {
                        return Err(self.error("messages were lost on their way"));
                    }
                }
                Some(status) => {
                    let reason = message.description.as_deref().unwrap_or_default();
                    self.ended(status, reason, message.headers.as_ref())?;
                    return Ok(None);
                }
            }
        }
    }

    fn delivered(
        &mut self,
        shared: &Shared,
        message: async_nats::Message,
    ) -> Result<Delivered, BackendError> {
        let message = jetstream::Message {
            message,
            context: self.life.context.clone(),
        };
        let info = message.info().map_err(|error| self.error(error))?;
        if info.consumer_sequence != self.last + 1 {
            return Err(self.error("messages were lost on their way"));
        }
        let (number, pending) = (info.stream_sequence, info.pending);
        self.last += 1;
        self.asked = self.asked.saturating_sub(1);
        Ok(Delivered {
            number,
            pending,
            post: match message.status {
                None => shared.decode(&message.subject, message.headers.as_ref(), &message.payload),
                Some(_) => Err(NotOurs::Status),
            },
        })
    }

    /// A request has ended with messages missing.
    fn ended(
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
        let missing = number(headers, "Nats-Pending-Messages");
        let missing = missing.and_then(|it| usize::try_from(it).ok());
        self.asked = self.asked.saturating_sub(missing.unwrap_or(self.asked));
        Ok(())
    }

    fn error(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> BackendError {
        let stream = &self.consumer.cached_info().stream_name;
        self.life
            .error(&format!("reading the stream {stream:?}"), error)
    }
}

#[expect(clippy::disallowed_methods, reason = "what NATS writes has no sign")]
fn number(headers: Option<&HeaderMap>, name: &str) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}

impl Drop for Pull {
    /// NATS would forget the consumer after a while. There may be many.
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            let life = self.life.clone();
            let info = self.consumer.cached_info();
            let (name, stream) = (info.name.clone(), info.stream_name.clone());
            runtime.spawn(async move {
                // Of a server that was started again, it is gone already.
                let delete = life.context.delete_consumer_from_stream(name, stream);
                tokio::select! {
                    _ = delete => {}
                    _ = life.down() => {}
                }
            });
        }
    }
}
