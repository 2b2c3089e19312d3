//! Tables of the measurements of Mercure.

use std::fmt::Write as _;

use super::{
    contender::{Cost, Mode},
    routing::Routing,
};
use crate::{
    markdown::{Table, ratio},
    report::{at_most, percent, share, thousands},
};

/// Maximum ratio of the cost with Mercure to that without it.
const MAX_MERCURE_RATIO: f64 = 1.05;

/// Maximum time of a publication in microseconds, if the hub finds the matchers by a lookup.
const MAX_PUBLICATION_TIME: f64 = 1000.0;

/// Maximum time in microseconds for which a publication keeps its thread.
const MAX_TURN_TIME: f64 = 2000.0;

/// Returns the table of the cost of each mode.
pub fn costs(costs: &[Cost]) -> String {
    let Some(first) = costs.first() else {
        return String::new();
    };
    let mut text = format!(
        "## {} subscribers of one topic\n\n",
        thousands(first.subscribers as f64)
    );
    let mut table = Table::new([
        "hub",
        "bursts of 16: events/s",
        "CPU",
        "one by one: events/s",
        "CPU",
        "publication in a burst: µs",
        "one by one: µs",
        "idle connection: B",
        "of these anonymous",
        "after events: B",
    ]);
    for cost in costs {
        let reading = &cost.reading;
        table.row([
            cost.mode.to_string(),
            thousands(reading.bursts.rate()),
            percent(reading.bursts.cpu_share()),
            thousands(reading.singles.rate()),
            percent(reading.singles.cpu_share()),
            tenths(1e6 / cost.burst_publications.rate()),
            tenths(1e6 / cost.single_publications.rate()),
            thousands(reading.idle),
            thousands(reading.idle_anonymous),
            thousands(reading.used),
        ]);
    }
    // Writing to a string does not fail.
    let _ = write!(text, "{table}\n{}", cost_ratios(costs));
    text
}

fn cost_ratios(costs: &[Cost]) -> Table {
    let mut table = Table::new([
        "ratio",
        "bursts of 16: time",
        "without publishing",
        "one by one: time",
        "without publishing",
        "memory, idle",
        "memory, after events",
    ]);
    let of = |mode| costs.iter().find(|cost| cost.mode == mode);
    let Some(plain) = of(Mode::Events) else {
        return table;
    };
    for mode in [Mode::Anonymous, Mode::Token] {
        let Some(mercure) = of(mode) else {
            continue;
        };
        let target = (mode == Mode::Anonymous).then_some(MAX_MERCURE_RATIO);
        let (ours, other) = (&mercure.reading, &plain.reading);
        table.row([
            format!("{mode} ÷ {}", Mode::Events),
            share(other.bursts.rate() / ours.bursts.rate(), None),
            share(mercure.burst_delivery() / plain.burst_delivery(), target),
            share(other.singles.rate() / ours.singles.rate(), None),
            share(mercure.single_delivery() / plain.single_delivery(), target),
            share(ours.idle / other.idle, target),
            share(ours.used / other.used, target),
        ]);
    }
    table
}

/// Returns the table of routing.
pub fn routing(all: &[Routing]) -> String {
    let mut text = "## Routing by topics and patterns, without sockets\n\n".to_owned();
    let mut table = Table::new([
        "matchers",
        "subscribers",
        "each: B",
        "memory kept",
        "subscribe: µs",
        "leave: µs",
        "new topic: µs",
        "known topic: µs",
        "longest turn, p99: µs",
        "each matcher tried: µs",
        "÷ new topic",
        "÷ known topic",
    ]);
    for routing in all {
        let times = routing.times;
        let naive = times.naive as f64;
        let has_lookup = routing.shape.has_lookup();
        table.row([
            routing.shape.to_string(),
            thousands(routing.subscribers as f64),
            thousands(routing.memory),
            percent(routing.kept),
            tenths(microseconds(times.subscribe)),
            tenths(microseconds(times.leave)),
            at_most(
                tenths,
                microseconds(times.new),
                has_lookup.then_some(MAX_PUBLICATION_TIME),
            ),
            at_most(
                tenths,
                microseconds(times.known),
                Some(MAX_PUBLICATION_TIME),
            ),
            at_most(tenths, microseconds(times.turn), Some(MAX_TURN_TIME)),
            tenths(naive / 1e3),
            ratio(naive / times.new as f64, None),
            ratio(naive / times.known as f64, None),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

fn tenths(number: f64) -> String {
    format!("{number:.1}")
}
