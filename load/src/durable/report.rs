//! Tables of the rates of durable events.

use std::{fmt::Write as _, time::Duration};

use super::{Participant, Reading};
use crate::{
    markdown::{BELOW, Table, ratio},
    report::thousands,
};

/// Minimum events per second of the library with [`TARGET_PUBLISHERS`].
const MIN_LIBRARY_RATE: u64 = 20_000;

/// Number of publishers to which the target applies.
const TARGET_PUBLISHERS: usize = 1_000;

/// Pairs of participants to compare.
const PAIRS: [(Participant, Participant); 6] = [
    (Participant::Library, Participant::NatsSync),
    (Participant::Http1, Participant::NatsSync),
    (Participant::Http1, Participant::HubNatsSync),
    (Participant::Library, Participant::Nats),
    (Participant::Http1, Participant::Nats),
    (Participant::Http1, Participant::HubNats),
];

/// Returns the tables of the participants with this number of publishers.
pub fn readings(publishers: usize, readings: &[(Participant, Reading)]) -> String {
    let mut text = format!(
        "## Durable events, {} publishers\n\n",
        thousands(publishers as f64)
    );
    let mut table = Table::new([
        "store",
        "survives a power failure",
        "events/s",
        "slowest turn",
        "median: ms",
        "p99: ms",
        "CPU of servers, each: µs",
        "CPU of publishers, each: µs",
    ]);
    for (participant, reading) in readings {
        let has_target = *participant == Participant::Library && publishers == TARGET_PUBLISHERS;
        let durable = if participant.is_durable() {
            "yes"
        } else {
            "no"
        };
        table.row([
            participant.name().to_owned(),
            durable.to_owned(),
            at_least(reading.rate, has_target.then_some(MIN_LIBRARY_RATE)),
            thousands(reading.slowest as f64),
            milliseconds(reading.median),
            milliseconds(reading.tail),
            reading.server.map_or_else(|| "–".to_owned(), microseconds),
            microseconds(reading.publishers),
        ]);
    }
    // Writing to a string does not fail.
    let _ = write!(text, "{table}\n{}", ratios(readings));
    text
}

fn ratios(readings: &[(Participant, Reading)]) -> Table {
    let mut table = Table::new(["ratio", "events/s"]);
    let of = |participant| {
        let reading = readings.iter().find(|reading| reading.0 == participant);
        reading.map(|reading| reading.1.rate as f64)
    };
    for (ours, other) in PAIRS {
        if let (Some(a), Some(b)) = (of(ours), of(other)) {
            let names = format!("{} ÷ {}", ours.name(), other.name());
            table.row([names, ratio(a / b, None)]);
        }
    }
    table
}

/// Formats a number with its minimum, if it has one.
fn at_least(number: u64, figure: Option<u64>) -> String {
    let written = thousands(number as f64);
    match figure.map(|figure| (thousands(figure as f64), number >= figure)) {
        None => written,
        Some((figure, true)) => format!("{written} (≥ {figure})"),
        Some((figure, false)) => format!("{written} {BELOW} (≥ {figure})"),
    }
}

/// Formats a time in milliseconds.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

fn microseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}
