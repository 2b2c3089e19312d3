//! State that all requests share.

use metrics_exporter_prometheus::PrometheusHandle;
use sse_hub::{Hub, LagPolicy};
use sse_hyper::StreamTracker;
use tower_http::cors::CorsLayer;

use crate::hub::{access::Access, body_memory::BodyMemory};

/// State of the server that all requests share.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) streams: StreamTracker,
    pub(crate) access: Access,
    /// Layer for requests of other origins. With `None`, pages of other origins cannot read the events.
    pub(crate) cors: Option<CorsLayer>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) body_memory: BodyMemory,
    pub(crate) max_event: usize,
    pub(crate) slow: LagPolicy,
    pub(crate) max_lag: Option<u64>,
}
