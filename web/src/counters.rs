//! Counters of the hub, as events for the page.

use core::future::ready;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use sse_hub::{Hub, Subscription};
use sse_hyper::{Encoded, Event, EventType};
use tokio::time::interval;

use crate::node::{Node, NodeInfo};

/// Interval between two `server` events.
const COUNTERS_INTERVAL: Duration = Duration::from_secs(1);

/// Reconnection time of the page, short enough to watch.
const RECONNECTION_TIME: Duration = Duration::from_secs(1);

/// The data of a `server` event.
#[derive(Serialize)]
struct Counters {
    /// Milliseconds since 1970. The page calculates the latency from it.
    now: f64,
    /// The ID of the latest event. On a new connection, the events up to this ID are a replay.
    latest: String,
    subscribers: usize,
    published: u64,
    delivered: u64,
    replayed: u64,
    dropped: u64,
    lagged: u64,
    resets: u64,
    /// This node and the other nodes, if there are several servers.
    #[serde(flatten)]
    node: Option<NodeInfo>,
}

/// Adds `server` events with the counters to a subscription: one at the start, and then one each second.
///
/// They have no ID, because a client cannot resume after them.
pub(crate) fn with_counters(
    subscription: Subscription,
    hub: Hub,
    node: Option<Node>,
) -> impl Stream<Item = Encoded> + Send {
    let first = counters(&hub, node).with_retry(RECONNECTION_TIME);
    let ticks = stream::unfold(interval(COUNTERS_INTERVAL), move |mut ticks| {
        let hub = hub.clone();
        async move {
            ticks.tick().await;
            Some((Some(Encoded::from(&counters(&hub, node))), ticks))
        }
    });
    // When the hub ends the subscription, the counters end too.
    let events = subscription.map(Some).chain(stream::iter([None]));
    let both = stream::select(events, ticks).scan((), |(), block| ready(block));
    stream::iter([Encoded::from(&first)]).chain(both)
}

fn counters(hub: &Hub, node: Option<Node>) -> Event {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let stats = hub.stats();
    let counters = Counters {
        now: now.unwrap_or_default().as_secs_f64() * 1000.0,
        latest: hub
            .latest_id()
            .map_or_else(String::new, |id| id.to_string()),
        subscribers: stats.subscribers,
        published: stats.published,
        delivered: stats.delivered,
        replayed: stats.replayed,
        dropped: stats.dropped,
        lagged: stats.lagged,
        resets: stats.resets,
        node: node.map(|node| node.info(hub)),
    };
    // Numbers and strings always serialize, and the event type contains no line end.
    let event = Event::new(serde_json::to_string(&counters).unwrap_or_default());
    match EventType::new("server") {
        Ok(event_type) => event.with_type(event_type),
        Err(_) => event,
    }
}
