//! Metrics for Prometheus.

use core::{fmt::Write as _, time::Duration};

use anyhow::{Context, Result};
use http::StatusCode;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sse_hub::{Hub, LagHistogram, Stats};

use crate::hub::response::RefusalKind;

/// Name of the counter of requests.
const REQUESTS: &str = "sse_hub_requests_total";

/// Name of the counter of refusals.
const REFUSALS: &str = "sse_hub_refusals_total";

/// Name of the counter of lines that the access log does not have.
const DROPPED_LINES: &str = "sse_hub_access_log_dropped_total";

/// Name and description of the histogram of lags.
const LAG: (&str, &str) = (
    "sse_hub_lag_events",
    "Number of events by which slow subscribers were behind",
);

/// Counter of the hub: its name, its description, and its value.
type HubCounter = (&'static str, &'static str, fn(&Stats) -> u64);

/// Counters of the hub.
const HUB_COUNTERS: [HubCounter; 8] = [
    ("sse_hub_published_total", "Events published", |stats| {
        stats.published
    }),
    (
        "sse_hub_delivered_total",
        "Events taken by subscribers, counted once for each subscriber",
        |stats| stats.delivered,
    ),
    (
        "sse_hub_replayed_total",
        "Delivered events that were published before their subscriber subscribed",
        |stats| stats.replayed,
    ),
    (
        "sse_hub_dropped_total",
        "Events that subscribers missed because they were too slow",
        |stats| stats.dropped,
    ),
    (
        "sse_hub_lagged_total",
        "Times a subscriber was too slow",
        |stats| stats.lagged,
    ),
    (
        "sse_hub_resets_total",
        "Subscribers that could not resume after their last event",
        |stats| stats.resets,
    ),
    (
        "sse_hub_failed_replays_total",
        "Subscribers that were reset because the backend refused a replay",
        |stats| stats.failed_replays,
    ),
    (
        "sse_hub_refused_total",
        "Events from the backend that may not be published, counted each time that they are read",
        |stats| stats.refused,
    ),
];

/// Counts a request, by its path and the status of its response, and its refusal.
pub(crate) fn count_request(path: &'static str, status: StatusCode, refusal: Option<RefusalKind>) {
    let status = status.as_str().to_owned();
    counter!(REQUESTS, "path" => path, "status" => status).increment(1);
    if let Some(kind) = refusal {
        counter!(REFUSALS, "reason" => kind.name()).increment(1);
    }
}

/// Counts lines of the access log that were dropped.
pub(crate) fn count_dropped_lines(lines: u64) {
    counter!(DROPPED_LINES).increment(lines);
}

/// Installs the recorder of the metrics, and starts a task for its upkeep. Must be called on the runtime.
pub(crate) fn install() -> Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .install_recorder()
        .context("cannot install the recorder of metrics")?;
    describe_counter!(REQUESTS, "Requests that were answered, by path and status.");
    describe_counter!(REFUSALS, "Requests that were refused, by reason.");
    for kind in RefusalKind::ALL {
        // With a start at 0, Prometheus also sees the first refusal as an increase.
        counter!(REFUSALS, "reason" => kind.name()).increment(0);
    }
    describe_counter!(
        DROPPED_LINES,
        "Lines that are not in the access log, because the disk is slow or full."
    );
    count_dropped_lines(0);
    for (name, description, _) in HUB_COUNTERS {
        describe_counter!(name, description);
    }
    describe_gauge!("sse_hub_subscribers", "Open subscriptions");
    describe_gauge!(
        "sse_hub_backend_connected",
        "1 if the backend is connected, 0 if not"
    );
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(Duration::from_secs(5));
        loop {
            interval.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Returns all metrics in the text format of Prometheus, with the current counters of the hub.
pub(crate) fn render(handle: &PrometheusHandle, hub: &Hub) -> String {
    let stats = hub.stats();
    for (name, _, value) in HUB_COUNTERS {
        counter!(name).absolute(value(&stats));
    }
    gauge!("sse_hub_subscribers").set(stats.subscribers as f64);
    gauge!("sse_hub_backend_connected").set(f64::from(u8::from(hub.is_connected())));
    let mut text = handle.render();
    push_lag(&mut text, &stats.lag);
    text
}

/// Adds the histogram of lags. The hub has its buckets, so it is written here.
fn push_lag(text: &mut String, lag: &LagHistogram) {
    let (name, description) = LAG;
    let mut lines = format!("# HELP {name} {description}\n# TYPE {name} histogram\n");
    for (bound, count) in LagHistogram::BOUNDS.iter().zip(lag.buckets) {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let LagHistogram { count, sum, .. } = lag;
    let _ = writeln!(lines, "{name}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(lines, "{name}_sum {sum}\n{name}_count {count}\n");
    text.push_str(&lines);
}
