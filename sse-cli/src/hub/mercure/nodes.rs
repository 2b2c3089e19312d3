//! Active subscriptions of all nodes that share their events through NATS.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sse_hub_nats::Peers;
use sse_mercure::{HubUrl, SubscriptionScope};
use uuid::Uuid;

use crate::hub::mercure::presence::Presence;

/// Maximum size of an answer in bytes, unless a single document is larger. NATS takes 1 MiB by default.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The other nodes.
pub(crate) struct Nodes {
    peers: Peers,
    /// Identifier of this node, which does not answer its own questions.
    id: Uuid,
}

/// Question for the subscriptions of a path of the subscription API.
#[derive(Deserialize, Serialize)]
struct Question {
    node: Uuid,
    path: String,
}

impl Nodes {
    /// Begins to answer the questions of other nodes. Must be called on the runtime.
    pub(crate) fn join(peers: Peers, presence: Presence, hub_url: HubUrl) -> Self {
        let id = Uuid::new_v4();
        let channel = peers.clone();
        tokio::spawn(async move {
            let answer = |question: &[u8]| answer(question, id, &presence, &hub_url);
            channel.respond(answer).await;
        });
        Self { peers, id }
    }

    /// Returns the subscriptions of the other nodes for a path. Nodes that do not answer in time are left out.
    pub(crate) async fn select(&self, path: &str) -> Vec<Box<RawValue>> {
        let question = Question {
            node: self.id,
            path: path.to_owned(),
        };
        let question = serde_json::to_vec(&question).unwrap_or_default();
        let answers = match self.peers.request(question).await {
            Ok(answers) => answers,
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!("the subscriptions of other nodes are left out: {error:#}");
                return Vec::new();
            }
        };
        let documents = |answer: &Bytes| serde_json::from_slice::<Vec<Box<RawValue>>>(answer).ok();
        answers.iter().filter_map(documents).flatten().collect()
    }
}

/// Returns the answers of this node.
fn answer(question: &[u8], id: Uuid, presence: &Presence, hub_url: &HubUrl) -> Vec<Bytes> {
    let scope = serde_json::from_slice::<Question>(question)
        .ok()
        .filter(|question| question.node != id)
        .and_then(|question| SubscriptionScope::from_path(hub_url, &question.path));
    let documents = scope.map_or_else(Vec::new, |scope| presence.select(&scope));
    let mut answers: Vec<Vec<Box<RawValue>>> = Vec::new();
    let mut bytes = usize::MAX;
    for document in documents {
        bytes = bytes.saturating_add(document.get().len());
        match answers.last_mut() {
            Some(answer) if bytes <= MAX_ANSWER_BYTES => answer.push(document),
            _ => {
                bytes = document.get().len();
                answers.push(vec![document]);
            }
        }
    }
    let json = |answer| serde_json::to_vec(&answer).unwrap_or_default().into();
    answers.into_iter().map(json).collect()
}
