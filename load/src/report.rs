//! Tables of the servers and of the clients, and texts for the cells of all tables.

use std::fmt::Write as _;

use anyhow::Result;

use crate::{
    clients::Client,
    decoding,
    markdown::{BELOW, Table, ratio, reached},
    measure::Reading,
    servers::Library,
    shutdown::{Ending, SHUTDOWN_TIMEOUT},
};

/// Pairs of libraries to compare.
const PAIRS: [(Library, Library); 4] = [
    (Library::Ours, Library::Axum),
    (Library::Ours, Library::Warp),
    (Library::OursAxum, Library::Axum),
    (Library::OursWarp, Library::Warp),
];

/// Targets of the ratios of ours to axum: minimum for bursts, minimum one by one, and maximum for memory. The last one
/// applies to [`MEMORY_TARGET_SUBSCRIBERS`].
const SERVER_TARGETS: (f64, f64, f64) = (1.8, 1.15, 0.62);

/// Number of subscribers to which the target for memory applies.
const MEMORY_TARGET_SUBSCRIBERS: usize = 10_000;

/// Targets of the ratios of our clients to the others: minimum for the rate, and maximum for memory.
const CLIENT_TARGETS: (f64, f64) = (2.0, 1.0);

/// Returns the table of the rates of each library with this number of subscribers.
pub fn readings(subscribers: usize, readings: &[(Library, Reading)]) -> String {
    let mut text = format!("## {subscribers} subscribers\n\n");
    let table = rates(readings, |_| None);
    // Writing to a string does not fail.
    let _ = writeln!(text, "{table}");
    let _ = write!(text, "{}", ratios(subscribers, readings));
    text
}

/// Returns a table of the rate and the memory of each library. `idle` returns the maximum anonymous memory of an idle
/// connection, if the library has one.
pub(crate) fn rates(
    readings: &[(Library, Reading)],
    idle: impl Fn(Library) -> Option<f64>,
) -> Table {
    let mut table = Table::new([
        "server",
        "bursts of 16: events/s",
        "CPU",
        "one by one: events/s",
        "CPU",
        "idle connection: B",
        "of these anonymous",
        "after events: B",
    ]);
    for (library, reading) in readings {
        table.row([
            library.to_string(),
            thousands(reading.bursts.rate()),
            percent(reading.bursts.cpu_share()),
            thousands(reading.singles.rate()),
            percent(reading.singles.cpu_share()),
            thousands(reading.idle),
            at_most(thousands, reading.idle_anonymous, idle(*library)),
            thousands(reading.used),
        ]);
    }
    table
}

fn ratios(subscribers: usize, readings: &[(Library, Reading)]) -> Table {
    let mut table = Table::new([
        "ratio",
        "bursts of 16",
        "one by one",
        "memory, idle",
        "memory, after events",
    ]);
    let of = |library| {
        readings
            .iter()
            .find(|reading| reading.0 == library)
            .map(|reading| &reading.1)
    };
    for (ours, other) in PAIRS {
        let (Some(a), Some(b)) = (of(ours), of(other)) else {
            continue;
        };
        let has_target = (ours, other) == PAIRS[0];
        let target = |target| has_target.then_some(target);
        let memory = target(SERVER_TARGETS.2).filter(|_| subscribers == MEMORY_TARGET_SUBSCRIBERS);
        table.row([
            format!("{ours} ÷ {other}"),
            ratio(a.bursts.rate() / b.bursts.rate(), target(SERVER_TARGETS.0)),
            ratio(
                a.singles.rate() / b.singles.rate(),
                target(SERVER_TARGETS.1),
            ),
            share(a.idle / b.idle, memory),
            share(a.used / b.used, None),
        ]);
    }
    table
}

/// Returns the table of the shutdowns.
pub fn endings(subscribers: usize, endings: &[(Library, Ending)]) -> String {
    let mut text = format!("## SIGTERM with {subscribers} open streams\n\n");
    let mut table = Table::new([
        "library".to_owned(),
        "time to exit".to_owned(),
        format!("of {subscribers} clients, with a last event"),
    ]);
    for (library, ending) in endings {
        let time = match ending.time {
            Some(time) => format!("{} ms", time.as_millis()),
            None => format!("hangs (> {} s)", SHUTDOWN_TIMEOUT.as_secs()),
        };
        table.row([library.to_string(), time, ending.told.to_string()]);
    }
    let _ = write!(text, "{table}");
    text
}

/// Returns the table of the rate and the memory of each client with this stream. A client that received other events
/// than those sent has no figures, but a line with the error.
pub fn decoding(title: &str, readings: &[(Client, Result<decoding::Reading>)]) -> String {
    let mut text = format!("## {title}\n\n");
    let mut table = Table::new([
        "client",
        "events/s",
        "CPU",
        "peak: KiB",
        "without files: KiB",
        "growth: KiB",
    ]);
    let mut wrong = String::new();
    for (client, reading) in readings {
        let cells = match reading {
            Ok(reading) => [
                thousands(reading.samples.rate()),
                percent(reading.samples.cpu_share()),
                kibibytes(reading.peak),
                kibibytes(reading.own),
                kibibytes(reading.growth),
            ],
            Err(error) => {
                let _ = writeln!(wrong, "\n✗ {client}: {error:#}");
                [const { "✗" }; 5].map(String::from)
            }
        };
        table.row([client.to_string()].into_iter().chain(cells));
    }
    let _ = write!(text, "{table}{wrong}\n{}", decoding_ratios(readings));
    text
}

fn decoding_ratios(readings: &[(Client, Result<decoding::Reading>)]) -> Table {
    let mut table = Table::new(["ratio", "events/s", "peak", "without files"]);
    let of = |client| readings.iter().find(|reading| reading.0 == client);
    let of = |client| of(client).and_then(|reading| reading.1.as_ref().ok());
    for ours in [Client::Ours, Client::OursOnce] {
        for other in [
            Client::ReqwestEventsource,
            Client::EventsourceClient,
            Client::Hyper,
        ] {
            let (Some(a), Some(b)) = (of(ours), of(other)) else {
                continue;
            };
            let target = |target| other.decodes().then_some(target);
            table.row([
                format!("{ours} ÷ {other}"),
                ratio(
                    a.samples.rate() / b.samples.rate(),
                    target(CLIENT_TARGETS.0),
                ),
                share(a.peak as f64 / b.peak as f64, target(CLIENT_TARGETS.1)),
                share(a.own as f64 / b.own as f64, target(CLIENT_TARGETS.1)),
            ]);
        }
    }
    table
}

/// Formats a share, where less is better, with its maximum if it has one.
pub(crate) fn share(number: f64, figure: Option<f64>) -> String {
    match figure {
        None => format!("{number:.2}"),
        Some(figure) if reached(-number, Some(-figure)) => format!("{number:.2} (≤ {figure})"),
        Some(figure) => format!("{number:.2} {BELOW} (≤ {figure})"),
    }
}

/// Formats a number with its maximum, if it has one.
pub(crate) fn at_most(write: fn(f64) -> String, number: f64, figure: Option<f64>) -> String {
    let written = write(number);
    match figure {
        None => written,
        Some(figure) if number <= figure => format!("{written} (≤ {})", write(figure)),
        Some(figure) => format!("{written} {BELOW} (≤ {})", write(figure)),
    }
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

pub(crate) fn kibibytes(bytes: u64) -> String {
    thousands((bytes / 1024) as f64)
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// Formats a number without decimals, in groups of three digits.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
