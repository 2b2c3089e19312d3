//! Metrics for Prometheus.

use core::time::Duration;

use anyhow::{Context, Result};
use http::StatusCode;
use metrics::{counter, describe_counter};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Name of the counter of requests.
const REQUESTS: &str = "sse_hub_requests_total";

/// Buckets of the histogram of lags, in events.
const LAG_BUCKETS: [f64; 6] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5];

/// Counts a request, by its path and the status of its response.
pub(crate) fn count_request(path: &'static str, status: StatusCode) {
    let status = status.as_str().to_owned();
    counter!(REQUESTS, "path" => path, "status" => status).increment(1);
}

/// Installs the recorder of the metrics, and starts a task for its upkeep. Must be called on the runtime.
pub(crate) fn install() -> Result<PrometheusHandle> {
    let lag = Matcher::Full("sse_hub_lag_events".to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(lag, &LAG_BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("cannot install the recorder of metrics")?;
    describe_counter!(REQUESTS, "Requests that were answered, by path and status.");
    let upkeep = handle.clone();
    tokio::spawn(async move {
        // Histograms hold all samples since the last upkeep.
        let mut interval = tokio::time::interval(Duration::from_secs(5));
        loop {
            interval.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}
