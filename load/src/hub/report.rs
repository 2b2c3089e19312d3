//! Tables of the fan-out measurements.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use super::{
    compressed::Compressed,
    growth::{Growth, Holder, Pipes},
    idle::{Idle, IdleProgram},
    paced::Latency,
    stalls::Stalls,
};
use crate::{
    markdown::{Table, ratio},
    measure::{MemoryLevels, Reading},
    process::Memory,
    report::rates,
    report::{at_most, kibibytes, mebibytes, percent, share, thousands},
    servers::Library,
};

/// Minimum ratios of the rate in bursts to that of each of [`Library::PEERS`] and to the bound.
const MIN_BURST_RATIOS: ([f64; 3], f64) = ([2.5, 1.8, 15.0], 0.95);

/// Minimum ratios of the rate one by one to that of the best peer and to the bound.
const MIN_SINGLE_RATIOS: (f64, f64) = (1.15, 0.95);

/// Maximum anonymous memory of an idle subscriber, in bytes.
const MAX_IDLE_BYTES: f64 = 500.0;

/// Number of subscribers from which the maximum applies to a whole program.
const IDLE_TARGET_SUBSCRIBERS: usize = 10_000;

/// Maximum ratio of the 99th percentile of latencies to that of the best peer.
const MAX_TAIL_RATIO: f64 = 0.8;

/// Maximum share of the subscribers' memory that the server keeps after they leave.
const MAX_KEPT_SHARE: f64 = 0.1;

/// Maximum ratio of the 99th percentile of latencies with stalled subscribers to that without them.
const MAX_STALLED_RATIO: f64 = 2.0;

/// Returns the table of the rates of each server with this number of subscribers.
pub fn readings(subscribers: usize, readings: &[(Library, Reading)]) -> String {
    let mut text = format!("## {} subscribers\n\n", thousands(subscribers as f64));
    let table = rates(readings, |library| {
        (library == Library::HUB).then_some(MAX_IDLE_BYTES)
    });
    // Writing to a string does not fail.
    let _ = write!(text, "{table}\n{}", ratios(readings));
    text
}

fn ratios(readings: &[(Library, Reading)]) -> Table {
    let mut table = Table::new(["ratio", "bursts of 16", "one by one", "memory, idle"]);
    let hub = Library::HUB;
    let of = |library| {
        readings
            .iter()
            .find(|reading| reading.0 == library)
            .map(|reading| &reading.1)
    };
    let Some(ours) = of(hub) else {
        return table;
    };
    let bound = (
        Library::BOUND,
        Some(MIN_BURST_RATIOS.1),
        Some(MIN_SINGLE_RATIOS.1),
    );
    let peers = Library::PEERS.into_iter().zip(MIN_BURST_RATIOS.0);
    let peers = peers.map(|(library, figure)| (library, Some(figure), None));
    let without = (Library::HubHyper, None, None);
    for (library, bursts, singles) in peers.chain([without, bound]) {
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
        |figure: fn(&Reading) -> f64| peers.iter().map(|peer| figure(peer)).max_by(f64::total_cmp);
    let best = best(|reading| reading.bursts.rate()).zip(best(|reading| reading.singles.rate()));
    let least = peers.iter().map(|peer| peer.idle).min_by(f64::total_cmp);
    if let Some(((bursts, singles), idle)) = best.zip(least) {
        table.row([
            format!("{hub} ÷ the best of {Peers}"),
            ratio(ours.bursts.rate() / bursts, None),
            ratio(ours.singles.rate() / singles, Some(MIN_SINGLE_RATIOS.0)),
            share(ours.idle / idle, None),
        ]);
    }
    table
}

/// Returns the table of the latencies.
pub fn latency(subscribers: usize, latency: &Latency) -> String {
    let mut text = format!(
        "## Latency with {} subscribers, an event every {:.0} ms\n\n",
        thousands(subscribers as f64),
        milliseconds(latency.interval)
    );
    let mut table = Table::new(["server", "median: ms", "p99: ms"]);
    for (library, median, tail) in &latency.servers {
        table.row([library.to_string(), tenths(*median), tenths(*tail)]);
    }
    let _ = writeln!(text, "{table}");
    let mut table = Table::new(["ratio", "median", "p99"]);
    let hub = Library::HUB;
    let ours = latency.servers.iter().find(|server| server.0 == hub);
    let peers = latency.servers.iter();
    let peers = peers.filter(|server| Library::PEERS.contains(&server.0));
    let best = peers
        .map(|server| (server.1, server.2))
        .reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)));
    if let (Some((_, median, tail)), Some(best)) = (ours, best) {
        table.row([
            format!("{hub} ÷ the best of {Peers}"),
            share(median.div_duration_f64(best.0), None),
            share(tail.div_duration_f64(best.1), Some(MAX_TAIL_RATIO)),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

/// Returns the table of the cost of a subscriber while their number grows.
pub fn growth(library: Library, growths: &[Growth]) -> String {
    let mut text = format!("## {library} with a growing number of subscribers\n\n");
    let columns = [
        "subscribers, allocator",
        "idle connection: B",
        "of these anonymous",
    ];
    let mut table = Table::new(columns.into_iter().chain(GROWTH_COLUMNS));
    for growth in growths {
        let number = thousands(growth.subscribers as f64);
        let cost = [
            format!("{number}, {}", growth.allocator),
            thousands(growth.reading.idle),
            at_most(
                thousands,
                growth.reading.idle_anonymous,
                Some(MAX_IDLE_BYTES),
            ),
            format!("{:.0}", 1e9 / growth.reading.bursts.rate()),
            format!("{:.0}", 1e9 / growth.reading.singles.rate()),
        ];
        table.row(cost.into_iter().chain(memory(growth.left)));
    }
    let _ = write!(text, "{table}");
    text
}

/// Returns the table of the cost of a subscriber without sockets.
pub fn pipes(holder: Holder, pipes: &[Pipes]) -> String {
    let title = match holder {
        Holder::Hyper => "hub with connections of hyper in memory",
        Holder::EventLoop => "hub with streams of the event loop, without sockets",
    };
    let mut text = format!("## {title}\n\n");
    let mut table = Table::new(["subscribers", "each: B"].into_iter().chain(GROWTH_COLUMNS));
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

/// Returns the table of the memory of idle subscribers.
pub fn idle(all: &[Idle]) -> String {
    let mut text = "## Idle subscribers of whole programs\n\n".to_owned();
    let columns = [
        "program",
        "subscribers",
        "anonymous, each: B",
        "all, each: B",
    ];
    let mut table = Table::new(columns);
    let mut left = Table::new([
        "program",
        "memory",
        "before: KiB",
        "with all: KiB",
        "after: KiB",
    ]);
    for Idle {
        program,
        base,
        levels,
        left: after,
    } in all
    {
        let is_hub = *program == IdleProgram::Hub;
        for (number, memory) in levels {
            let each = |part: fn(&Memory) -> u64| {
                part(memory).saturating_sub(part(base)) as f64 / *number as f64
            };
            let target = (is_hub && *number >= IDLE_TARGET_SUBSCRIBERS).then_some(MAX_IDLE_BYTES);
            table.row([
                program.to_string(),
                thousands(*number as f64),
                at_most(thousands, each(Memory::anonymous), target),
                thousands(each(|memory| memory.now)),
            ]);
        }
        let full = levels.last().map_or(base, |(_, memory)| memory);
        let levels = [base, full, after];
        for (name, cells) in [
            ("anonymous", levels.map(Memory::anonymous)),
            ("all", levels.map(|memory| memory.now)),
        ] {
            let cells = cells.map(kibibytes);
            left.row(
                [program.to_string(), name.to_owned()]
                    .into_iter()
                    .chain(cells),
            );
        }
    }
    let _ = write!(text, "{table}\n{left}");
    text
}

/// Returns the table of the cost of compressed streams.
pub fn compressed(all: &[Compressed]) -> String {
    let Some(first) = all.first() else {
        return String::new();
    };
    let mut text = format!(
        "## Compressed streams, {} subscribers, events of 4,000 B\n\n",
        thousands(first.subscribers as f64)
    );
    let columns = [
        "server",
        "bytes, each",
        "CPU, each: µs",
        "memory, each subscriber: B",
    ];
    let mut table = Table::new(columns);
    for one in all {
        table.row([
            one.library.to_string(),
            thousands(one.bytes),
            format!("{:.1}", one.time.as_secs_f64() * 1e6),
            thousands(one.memory),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

/// Returns the table of the effect of stalled subscribers.
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
        "p99, all read: ms",
        "p99, some stalled: ms",
        "ratio",
        "idle: MiB",
        "peak, all read: MiB",
        "peak, some stalled: MiB",
    ]);
    for Stalls {
        library,
        length,
        without,
        with,
        ..
    } in stalls
    {
        let target = (*library == Library::HUB).then_some(MAX_STALLED_RATIO);
        table.row([
            library.to_string(),
            length.to_string(),
            tenths(without.tail),
            tenths(with.tail),
            share(with.tail.div_duration_f64(without.tail), target),
            mebibytes(with.idle),
            mebibytes(without.peak),
            mebibytes(with.peak),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

/// Columns of the cost of subscribers, after the column with their number.
const GROWTH_COLUMNS: [&str; 6] = [
    "bursts of 16: ns per event",
    "one by one: ns per event",
    "before: MiB",
    "with all: MiB",
    "after they left: MiB",
    "memory kept",
];

/// Returns the last four cells of [`GROWTH_COLUMNS`].
fn memory(left: MemoryLevels) -> [String; 4] {
    let stays = left.left.saturating_sub(left.empty) as f64 / took(left) as f64;
    [
        mebibytes(left.empty),
        mebibytes(left.full),
        mebibytes(left.left),
        at_most(percent, stays, Some(MAX_KEPT_SHARE)),
    ]
}

fn took(left: MemoryLevels) -> u64 {
    left.full.saturating_sub(left.empty)
}

/// Displays the names of the peers.
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
