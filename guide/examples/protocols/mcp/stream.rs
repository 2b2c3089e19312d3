//! Stream of messages that a client can resume. Its events are in the hub, as a topic.
//!
//! The ID of an event is `STREAM.ID`: the name of the stream in its session, and the ID in the hub. So the server finds
//! the stream of a `Last-Event-ID`, and only in the session of the client.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;
use sse_hub::{Event, EventId, EventType, Hub, SubscribeError, Topic};

/// Last message of a stream. The type is only for the hub. The client gets all messages without a type.
const END: EventType = EventType::from_static("end");
/// End of a connection, but not of the stream.
const CLOSE: EventType = EventType::from_static("close");

/// Time after which the client comes back.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(super) struct MessageStream {
    hub: Hub,
    topic: Topic,
    /// Name of the stream in its session.
    name: String,
}

impl MessageStream {
    pub(super) fn new(hub: Hub, topic: Topic, name: String) -> Self {
        Self { hub, topic, name }
    }

    /// Sends an event without a message, whose ID lets the client resume before it has a message.
    ///
    /// "The server SHOULD immediately send an SSE event consisting of an event ID and an empty data field in order to
    /// prime the client to reconnect" (revision 2025-11-25).
    pub(super) async fn prime(&self) {
        self.publish(Event::new("").with_retry(POLL_INTERVAL)).await;
    }

    pub(super) async fn send(&self, message: &Value) {
        self.publish(Event::new(message.to_string())).await;
    }

    /// Sends the last message.
    pub(super) async fn finish(&self, message: &Value) {
        self.publish(Event::new(message.to_string()).with_type(END))
            .await;
    }

    /// Closes the connection. The client resumes the stream later.
    pub(super) async fn close_connection(&self) {
        let event = Event::new("").with_type(CLOSE).with_retry(POLL_INTERVAL);
        self.publish(event).await;
    }

    async fn publish(&self, event: Event) {
        if let Err(error) = self.hub.publish((self.topic.clone(), event)).await {
            eprintln!("mcp: {error}");
        }
    }

    /// Returns the events of one connection: all of them, or those after this one.
    pub(super) fn events(
        &self,
        last_event_id: Option<&EventId>,
    ) -> Result<impl Stream<Item = Event> + Send + 'static, SubscribeError> {
        let subscription = self.hub.subscription(self.topic.clone());
        let subscription = match last_event_id {
            Some(id) => subscription.after_or_start(id),
            None => subscription.from_start(),
        };
        let events = subscription.subscribe()?.events();
        let name = self.name.clone();
        Ok(stream::unfold(Some(events), move |events| {
            let name = name.clone();
            async move {
                let mut events = events?;
                let event = events.next().await?;
                let is_last = [END, CLOSE]
                    .iter()
                    .any(|last| last.as_str() == event.event_type());
                Some((sent(&name, &event), (!is_last).then_some(events)))
            }
        }))
    }
}

/// Returns an event as the client gets it.
fn sent(stream: &str, event: &Event) -> Event {
    let mut sent = Event::new(event.data());
    if let Some(retry) = event.retry() {
        sent = sent.with_retry(retry);
    }
    let id = format!("{stream}.{}", event.last_event_id());
    sent.try_with_id(id)
        .expect("names and IDs have no line ends")
}

/// Splits the ID of an event into the name of its stream and its ID in the hub.
pub(super) fn split_id(id: &EventId) -> Option<(&str, EventId)> {
    let (stream, id) = id.as_str().split_once('.')?;
    Some((stream, EventId::new(id).ok()?))
}
