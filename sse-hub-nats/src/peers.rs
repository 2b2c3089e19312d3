//! Requests of one node to all others, through NATS and without JetStream.

use core::{fmt, time::Duration};
use std::sync::Arc;

use async_nats::Client;
use bytes::Bytes;
use futures_util::StreamExt as _;
use sse_hub::BackendError;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{connection::ConnectionEpoch, jetstream::Shared};

/// Time without an answer after which the other nodes are not waited for.
const QUIET_TIME: Duration = Duration::from_millis(250);

/// Maximum time for all answers together, and for the connection.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum size of all answers together, in bytes. Further ones are ignored.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Channel for requests between the nodes of a hub, from [`JetStream::peers`](crate::JetStream::peers).
///
/// Requests and answers are not stored. A node that is not connected, or that does not answer within 250 ms after the
/// last answer, is left out.
///
/// They have subjects below that of the stream, with `.nodes.` instead of `.events`: `sse.nodes.NAME`. Nodes need the
/// permission to publish and subscribe there, and below `_INBOX`.
#[derive(Clone)]
pub struct Peers {
    shared: Arc<Shared>,
    subject: Arc<str>,
}

impl Peers {
    pub(crate) fn new(shared: Arc<Shared>, stream: &str, name: &str) -> Self {
        Self {
            shared,
            subject: format!("{stream}.nodes.{name}").into(),
        }
    }

    /// Sends a request to all nodes, and returns their answers. A node may send several. The own node answers, too.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if there is no connection within 3 s, or if the connection ends meanwhile.
    pub async fn request(&self, request: impl Into<Bytes>) -> Result<Vec<Bytes>, BackendError> {
        let connections = &self.shared.connections;
        let connection = connections.connected_within(ANSWER_TIMEOUT).await?;
        let client = connection.context.client();
        let inbox = client.new_inbox();
        const FAILED: &str = "cannot send a request to the other nodes";
        let received = client.subscribe(inbox.clone()).await;
        let mut received = received.map_err(|error| connection.error(FAILED, error))?;
        let subject = self.subject.to_string();
        let sent = client
            .publish_with_reply(subject, inbox, request.into())
            .await;
        sent.map_err(|error| connection.error(FAILED, error))?;
        let (mut answers, mut bytes) = (Vec::new(), 0);
        let end = Instant::now() + ANSWER_TIMEOUT;
        loop {
            let quiet = end.min(Instant::now() + QUIET_TIME);
            let Ok(Some(message)) = timeout_at(quiet, received.next()).await else {
                return Ok(answers);
            };
            bytes += message.payload.len();
            // A status message says that there is no node.
            if message.status.is_some() || bytes > MAX_ANSWER_BYTES {
                return Ok(answers);
            }
            answers.push(message.payload);
        }
    }

    /// Answers the requests of all nodes, and never ends. The function returns the answers to a request, each at most
    /// as large as the server's `max_payload`.
    pub async fn respond(&self, answers: impl Fn(&[u8]) -> Vec<Bytes>) {
        loop {
            let connection = self.shared.connections.connected().await;
            let client = connection.context.client();
            if let Err(error) = self.respond_over(&connection, &client, &answers).await {
                tracing::warn!(error = %error, subject = &*self.subject, "cannot answer other nodes");
                // The connection may stay, for example if the user has no permission.
                let _ = timeout(ANSWER_TIMEOUT, connection.ended()).await;
            }
        }
    }

    /// Answers requests until the connection ends.
    async fn respond_over(
        &self,
        connection: &ConnectionEpoch,
        client: &Client,
        answers: &impl Fn(&[u8]) -> Vec<Bytes>,
    ) -> Result<(), BackendError> {
        let subscribed = client.subscribe(self.subject.to_string()).await;
        let mut requests =
            subscribed.map_err(|error| connection.error("cannot subscribe", error))?;
        loop {
            let request = tokio::select! {
                request = requests.next() => request,
                _ = connection.ended() => None,
            };
            let Some(request) = request else {
                return Ok(());
            };
            let Some(inbox) = request.reply else {
                continue;
            };
            for answer in answers(&request.payload) {
                let sent = client.publish(inbox.clone(), answer).await;
                sent.map_err(|error| connection.error("cannot send an answer", error))?;
            }
        }
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}
