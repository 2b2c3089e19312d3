use core::{
    error::Error,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_nats::{HeaderMap, jetstream::stream::Stream};
use sse_hub::{BackendError, Publication, TopicFilters, Topics};
use tokio::sync::Semaphore;

use crate::{
    NatsConfig,
    backoff::Backoff,
    link::{Life, Link},
    refusal::Refusals,
    stream, subject,
    wire::{self, NotOurs},
};

/// Maximum number of subscribers that are served from NATS at a time.
const MAX_CONCURRENT_REPLAYS: usize = 32;

/// State that all operations on one stream of NATS share.
pub(crate) struct Shared {
    pub(crate) link: Link,
    pub(crate) config: NatsConfig,
    pub(crate) subject: String,
    /// Limits the requests for single subscribers. Each takes a permit.
    pub(crate) permits: Semaphore,
    /// The stream exists and has a valid configuration.
    has_stream: AtomicBool,
    /// Epoch of the stream when it was first seen, and then that of the stream that is followed. If the stream was
    /// created again, the hub still has numbers of the earlier one.
    epoch: AtomicU64,
    /// Topics have their own subjects in the stream.
    has_topics: AtomicBool,
    is_compared: AtomicBool,
}

impl Shared {
    pub(crate) fn new(link: Link, config: NatsConfig, subject: String) -> Self {
        Self {
            link,
            config,
            subject,
            permits: Semaphore::new(MAX_CONCURRENT_REPLAYS),
            has_stream: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            has_topics: AtomicBool::new(false),
            is_compared: AtomicBool::new(false),
        }
    }

    /// Returns the stream with its current state. Creates it if it is missing.
    pub(crate) async fn stream(&self, life: &Life) -> Result<Stream, BackendError> {
        let stream = self.config.open_stream(life).await?;
        if self.epoch() == 0 {
            self.set_epoch(stream::epoch(stream.cached_info()));
        }
        let has_topics = stream.cached_info().config.subjects.len() > 1;
        self.has_topics.store(has_topics, Ordering::Relaxed);
        self.has_stream.store(true, Ordering::Relaxed);
        if !self.is_compared.swap(true, Ordering::Relaxed) {
            self.config.compare(&stream.cached_info().config);
        }
        Ok(stream)
    }

    /// Creates the stream if it is missing, unless it is known to exist.
    pub(crate) async fn ensure_stream(&self, life: &Life) -> Result<(), BackendError> {
        if !self.has_stream.load(Ordering::Relaxed) {
            self.stream(life).await?;
        }
        Ok(())
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    pub(crate) fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// Returns the subject of an event with these topics.
    pub(crate) fn subject(&self, topics: &Topics) -> String {
        match self.has_topics.load(Ordering::Relaxed) {
            true => subject::of_event(&self.subject, topics),
            false => self.subject.clone(),
        }
    }

    /// Returns the subjects that events of these filters have. `None` to read all messages.
    pub(crate) fn filters(&self, filters: &TopicFilters) -> Option<Vec<String>> {
        let has_topics = self.has_topics.load(Ordering::Relaxed);
        has_topics.then(|| subject::of_filters(&self.subject, filters))?
    }

    /// Decodes a message of the stream.
    pub(crate) fn decode(
        &self,
        subject: &str,
        headers: Option<&HeaderMap>,
        payload: &[u8],
    ) -> Result<Publication, NotOurs> {
        let publication = wire::decode(headers, payload)?;
        match subject::is_of_event(subject, &self.subject, &publication.topics) {
            true => Ok(publication),
            false => Err(NotOurs::Subject),
        }
    }

    /// Notes that the stream may not exist any more.
    pub(crate) fn forget_stream(&self) {
        self.has_stream.store(false, Ordering::Relaxed);
    }

    /// Logs that a message is skipped because it is not an event.
    pub(crate) fn warn_of(&self, sequence: u64, reason: &NotOurs) {
        let stream = &self.config.stream;
        tracing::warn!(stream, sequence, %reason, "skipped a message that is not an event");
    }

    /// Returns the number of the newest message. Repeats the request until there is an answer, or until it was refused
    /// for some time.
    pub(crate) async fn newest(&self) -> Result<u64, BackendError> {
        let mut backoff = Backoff::default();
        let mut refusals = Refusals::default();
        loop {
            let life = self.link.up().await;
            // The semaphore is never closed.
            let permit = self.permits.acquire().await;
            match self.stream(&life).await {
                Ok(stream) => return Ok(stream::bounds(stream.cached_info()).1),
                Err(error) if refusals.are_final(&error) => return Err(error),
                Err(error) => {
                    let error: &(dyn Error + 'static) = &error;
                    tracing::debug!(error, "cannot get the newest sequence, trying again");
                }
            }
            drop(permit);
            backoff.wait().await;
        }
    }
}
