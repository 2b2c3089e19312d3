//! The tables of one feed for many.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use super::{growth::Growth, latency::Latency, pipes::Pipes, stalls::Stalls};
use crate::{
    cells::{at_most, mebibytes, percent, share, thousands},
    markdown::{Table, ratio},
    measure::{Left, Reading},
    report::rates,
    servers::Library,
};

/// The figures to reach in bursts, beside each of [`Library::PEERS`] and beside the bound.
const BURSTS: ([f64; 3], f64) = ([2.5, 1.8, 15.0], 0.75);

/// Those one by one, beside the best of the peers and beside the bound.
const SINGLES: (f64, f64) = (1.15, 0.7);

/// What an idle subscriber may take, in bytes.
const IDLE: f64 = 11_500.0;

/// What of the best peer's the latency of 99 of 100 deliveries may be.
const TAIL: f64 = 1.0;

/// How much may stay of the memory that subscribers took, when they leave.
const KEPT: f64 = 0.1;

/// How much longer 99 of 100 deliveries may take beside those who do not read.
const STALLED: f64 = 2.0;

/// What each server reached with this many subscribers.
pub fn readings(subscribers: usize, readings: &[(Library, Reading)]) -> String {
    let mut text = format!("## {} subscribers\n\n", thousands(subscribers as f64));
    let table = rates(readings, |it| (it == Library::HUB).then_some(IDLE));
    // Writing to a string does not fail.
    let _ = write!(text, "{table}\n{}", ratios(readings));
    text
}

fn ratios(readings: &[(Library, Reading)]) -> Table {
    let mut table = Table::new(["ratio", "bursts of 16", "one by one", "memory, idle"]);
    let hub = Library::HUB;
    let of = |library| readings.iter().find(|it| it.0 == library).map(|it| &it.1);
    let Some(ours) = of(hub) else {
        return table;
    };
    let bound = (Library::BOUND, Some(BURSTS.1), Some(SINGLES.1));
    let peers = Library::PEERS.into_iter().zip(BURSTS.0);
    let peers = peers.map(|(library, figure)| (library, Some(figure), None));
    for (library, bursts, singles) in peers.chain([bound]) {
        let Some(other) = of(library) else {
            continue;
        };
        table.row([
            format!("{hub} ÷ {library}"),
            ratio(ours.bursts.rate() / other.bursts.rate(), bursts),
            ratio(ours.singles.rate() / other.singles.rate(), singles),
            share(ours.idle / other.idle, None),
        ]);
    }
    let peers: Vec<&Reading> = Library::PEERS.into_iter().filter_map(of).collect();
    let best =
        |figure: fn(&Reading) -> f64| peers.iter().map(|it| figure(it)).max_by(f64::total_cmp);
    let best = best(|it| it.bursts.rate()).zip(best(|it| it.singles.rate()));
    let least = peers.iter().map(|it| it.idle).min_by(f64::total_cmp);
    if let Some(((bursts, singles), idle)) = best.zip(least) {
        table.row([
            format!("{hub} ÷ the best of {Peers}"),
            ratio(ours.bursts.rate() / bursts, None),
            ratio(ours.singles.rate() / singles, Some(SINGLES.0)),
            share(ours.idle / idle, None),
        ]);
    }
    table
}

/// How long events took to arrive.
pub fn latency(subscribers: usize, latency: &Latency) -> String {
    let mut text = format!(
        "## Latency with {} subscribers, an event each {:.0} ms\n\n",
        thousands(subscribers as f64),
        milliseconds(latency.interval)
    );
    let mut table = Table::new(["server", "half of all: ms", "99 of 100: ms"]);
    for (library, median, tail) in &latency.servers {
        table.row([library.to_string(), tenths(*median), tenths(*tail)]);
    }
    let _ = writeln!(text, "{table}");
    let mut table = Table::new(["ratio", "half of all", "99 of 100"]);
    let hub = Library::HUB;
    let ours = latency.servers.iter().find(|it| it.0 == hub);
    let peers = latency.servers.iter();
    let peers = peers.filter(|it| Library::PEERS.contains(&it.0));
    let best = peers
        .map(|it| (it.1, it.2))
        .reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)));
    if let (Some((_, median, tail)), Some(best)) = (ours, best) {
        table.row([
            format!("{hub} ÷ the best of {Peers}"),
            share(median.div_duration_f64(best.0), None),
            share(tail.div_duration_f64(best.1), Some(TAIL)),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

/// What more and more subscribers cost.
pub fn growth(library: Library, growths: &[Growth]) -> String {
    let mut text = format!("## {library} with more and more subscribers\n\n");
    let columns = ["subscribers, allocator", "idle connection: B"];
    let mut table = Table::new(columns.into_iter().chain(GROWTH));
    for growth in growths {
        let number = thousands(growth.subscribers as f64);
        let cost = [
            format!("{number}, {}", growth.allocator),
            at_most(thousands, growth.reading.idle, Some(IDLE)),
            format!("{:.0}", 1e9 / growth.reading.bursts.rate()),
            format!("{:.0}", 1e9 / growth.reading.singles.rate()),
        ];
        table.row(cost.into_iter().chain(memory(growth.left)));
    }
    let _ = write!(text, "{table}");
    text
}

/// The same without sockets.
pub fn pipes(pipes: &[Pipes]) -> String {
    let mut text = "## hub with connections in memory\n\n".to_owned();
    let mut table = Table::new(["subscribers", "each: B"].into_iter().chain(GROWTH));
    for pipe in pipes {
        let number = pipe.subscribers as f64;
        let cost = [
            thousands(number),
            thousands(took(pipe.left) as f64 / number),
            pipe.burst.to_string(),
            pipe.single.to_string(),
        ];
        table.row(cost.into_iter().chain(memory(pipe.left)));
    }
    let _ = write!(text, "{table}");
    text
}

/// What those who do not read cost the others.
pub fn stalls(stalls: &[Stalls]) -> String {
    let Some(first) = stalls.first() else {
        return String::new();
    };
    let mut text = format!(
        "## {} of {} subscribers do not read, {} events\n\n",
        first.stalled,
        thousands(first.subscribers as f64),
        first.without.events
    );
    let mut table = Table::new([
        "server",
        "event: B",
        "99 of 100, all read: ms",
        "99 of 100, some do not: ms",
        "ratio",
        "idle: MiB",
        "at most, all read: MiB",
        "at most, some do not: MiB",
    ]);
    for Stalls {
        library,
        length,
        without,
        with,
        ..
    } in stalls
    {
        let asked = (*library == Library::HUB).then_some(STALLED);
        table.row([
            library.to_string(),
            length.to_string(),
            tenths(without.tail),
            tenths(with.tail),
            share(with.tail.div_duration_f64(without.tail), asked),
            mebibytes(with.idle),
            mebibytes(without.peak),
            mebibytes(with.peak),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

/// The columns of what a crowd costs, behind its size.
const GROWTH: [&str; 6] = [
    "in bursts of 16: ns an event",
    "one by one: ns an event",
    "before: MiB",
    "with all: MiB",
    "when they have left: MiB",
    "stays of what they took",
];

/// The last four of them.
fn memory(left: Left) -> [String; 4] {
    let stays = left.left.saturating_sub(left.empty) as f64 / took(left) as f64;
    [
        mebibytes(left.empty),
        mebibytes(left.full),
        mebibytes(left.left),
        at_most(percent, stays, Some(KEPT)),
    ]
}

fn took(left: Left) -> u64 {
    left.full.saturating_sub(left.empty)
}

/// The names of the peers.
struct Peers;

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Library::PEERS.map(Library::name).join(", "))
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn tenths(time: Duration) -> String {
    format!("{:.1}", milliseconds(time))
}
