use core::time::Duration;
use std::error::Error as _;

use async_nats::{
    HeaderMap,
    jetstream::{
        self, ErrorCode,
        context::{PublishError, PublishErrorKind},
    },
};
use bytes::Bytes;
use sse_hub::{BackendError, Post};
use tokio::time::timeout;

use crate::{backoff::Backoff, link::Life, shared::Shared, wire};

/// Why an attempt has failed.
enum Failure {
    /// The next one may not.
    Passing(BackendError),
    /// So will all others.
    Final(BackendError),
}

impl Shared {
    /// Publishes an event until NATS has it, or until it has taken too long.
    pub(crate) async fn publish(&self, post: &Post) -> Result<u64, BackendError> {
        let (headers, payload) = wire::encode(post);
        let limit = self.settings.publish_within;
        let mut reason = None;
        let attempts = async {
            let mut backoff = Backoff::default();
            loop {
                match self.attempt(limit, &headers, &payload).await {
                    Ok(number) => return Ok(number),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Passing(error)) => reason = Some(error),
                }
                backoff.wait().await;
            }
        };
        match timeout(limit, attempts).await {
            Ok(result) => result,
            Err(_) => Err(match reason {
                Some(reason) => BackendError::new(format!("{reason}; tried for {limit:?}")),
                None => BackendError::new(format!(
                    "not connected to NATS at {}; tried for {limit:?}",
                    self.link.place()
                )),
            }),
        }
    }

    async fn attempt(
        &self,
        limit: Duration,
        headers: &HeaderMap,
        payload: &Bytes,
    ) -> Result<u64, Failure> {
        // Just before the whole has taken too long, so that the reason is known.
        let life = self.link.up_within(limit.mul_f64(0.9)).await;
        let life = life.map_err(Failure::Passing)?;
        tokio::select! {
            number = self.send(&life, headers, payload) => number,
            // There will be no answer.
            error = life.down() => Err(Failure::Passing(error)),
        }
    }

    async fn send(
        &self,
        life: &Life,
        headers: &HeaderMap,
        payload: &Bytes,
    ) -> Result<u64, Failure> {
        self.ensure_stream(life).await.map_err(Failure::Passing)?;
        let failure = |error: PublishError| self.failure(life, &error);
        let acknowledged = life
            .context
            .publish_with_headers(self.subject.clone(), headers.clone(), payload.clone())
            .await
            .map_err(failure)?;
        let acknowledged = acknowledged.await.map_err(failure)?;
        // 0 is that of an event whose first attempt is still under way.
        if acknowledged.sequence == 0 {
            let what = format!("publishing on {:?}", self.subject);
            return Err(Failure::Passing(life.error(&what, "no sequence")));
        }
        Ok(acknowledged.sequence)
    }

    fn failure(&self, life: &Life, error: &PublishError) -> Failure {
        if error.kind() == PublishErrorKind::StreamNotFound {
            self.forget_stream();
        }
        let refused = error
            .source()
            .and_then(|it| it.downcast_ref::<jetstream::Error>())
            .is_some_and(|it| it.code() < 500 || it.error_code() == ErrorCode::STREAM_STORE_FAILED);
        let what = format!("publishing on {:?}", self.subject);
        let failed = life.error(&what, error);
        if refused || error.kind() == PublishErrorKind::MaxPayloadExceeded {
            Failure::Final(failed)
        } else {
            Failure::Passing(failed)
        }
    }
}
