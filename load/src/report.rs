//! The tables.

use std::fmt::Write as _;

use anyhow::Result;

use crate::{
    cells::{at_most, kibibytes, percent, share, thousands},
    clients::Client,
    decoding,
    markdown::{Table, ratio},
    measure::Reading,
    servers::Library,
    shutdown::{Ending, PATIENCE},
};

/// What is compared with what.
const PAIRS: [(Library, Library); 4] = [
    (Library::Ours, Library::Axum),
    (Library::Ours, Library::Warp),
    (Library::OursAxum, Library::Axum),
    (Library::OursWarp, Library::Warp),
];

/// The figures to reach by ours beside axum: the rate in bursts, the rate one by one, and the share
/// of memory, which is for [`MANY`].
const FIGURES: (f64, f64, f64) = (1.8, 1.15, 0.62);

/// How many subscribers the figure of memory is for.
const MANY: usize = 10_000;

/// The figures to reach by our clients beside those of others: the rate, and the share of memory.
const DECODING: (f64, f64) = (2.0, 1.0);

/// What each library reached with this many subscribers.
pub fn readings(subscribers: usize, readings: &[(Library, Reading)]) -> String {
    let mut text = format!("## {subscribers} subscribers\n\n");
    let table = rates(readings, |_| None);
    // Writing to a string does not fail.
    let _ = writeln!(text, "{table}");
    let _ = write!(text, "{}", ratios(subscribers, readings));
    text
}

/// How fast each was, and in how much memory, beside what a connection of some may take.
pub(crate) fn rates(
    readings: &[(Library, Reading)],
    idle: impl Fn(Library) -> Option<f64>,
) -> Table {
    let mut table = Table::new([
        "server",
        "bursts of 16: events/s",
        "ran",
        "one by one: events/s",
        "ran",
        "idle connection: B",
        "after events: B",
    ]);
    for (library, reading) in readings {
        table.row([
            library.to_string(),
            thousands(reading.bursts.rate()),
            percent(reading.bursts.ran()),
            thousands(reading.singles.rate()),
            percent(reading.singles.ran()),
            at_most(thousands, reading.idle, idle(*library)),
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
    let of = |library| readings.iter().find(|it| it.0 == library).map(|it| &it.1);
    for (ours, other) in PAIRS {
        let (Some(a), Some(b)) = (of(ours), of(other)) else {
            continue;
        };
        let asked = (ours, other) == PAIRS[0];
        let figure = |figure| asked.then_some(figure);
        let memory = figure(FIGURES.2).filter(|_| subscribers == MANY);
        table.row([
            format!("{ours} ÷ {other}"),
            ratio(a.bursts.rate() / b.bursts.rate(), figure(FIGURES.0)),
            ratio(a.singles.rate() / b.singles.rate(), figure(FIGURES.1)),
            share(a.idle / b.idle, memory),
            share(a.used / b.used, None),
        ]);
    }
    table
}

/// How each library shut down.
pub fn endings(subscribers: usize, endings: &[(Library, Ending)]) -> String {
    let mut text = format!("## SIGTERM with {subscribers} open streams\n\n");
    let mut table = Table::new([
        "library".to_owned(),
        "time to exit".to_owned(),
        format!("of {subscribers} clients, told by a last event"),
    ]);
    for (library, ending) in endings {
        let time = match ending.time {
            Some(time) => format!("{} ms", time.as_millis()),
            None => format!("hangs (> {} s)", PATIENCE.as_secs()),
        };
        table.row([library.to_string(), time, ending.told.to_string()]);
    }
    let _ = write!(text, "{table}");
    text
}

/// What each client reached with this stream. One that did not receive it as it was sent has no
/// figures, but a line that says what it did.
pub fn decoding(title: &str, readings: &[(Client, Result<decoding::Reading>)]) -> String {
    let mut text = format!("## {title}\n\n");
    let mut table = Table::new([
        "client",
        "events/s",
        "ran",
        "peak: KiB",
        "its own: KiB",
        "growth: KiB",
    ]);
    let mut wrong = String::new();
    for (client, reading) in readings {
        let cells = match reading {
            Ok(reading) => [
                thousands(reading.samples.rate()),
                percent(reading.samples.ran()),
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
    let mut table = Table::new(["ratio", "events/s", "peak", "its own"]);
    let of = |client| readings.iter().find(|it| it.0 == client);
    let of = |client| of(client).and_then(|it| it.1.as_ref().ok());
    for ours in [Client::Ours, Client::OursOnce] {
        for other in [
            Client::ReqwestEventsource,
            Client::EventsourceClient,
            Client::Hyper,
        ] {
            let (Some(a), Some(b)) = (of(ours), of(other)) else {
                continue;
            };
            let figure = |figure| other.decodes().then_some(figure);
            table.row([
                format!("{ours} ÷ {other}"),
                ratio(a.samples.rate() / b.samples.rate(), figure(DECODING.0)),
                share(a.peak as f64 / b.peak as f64, figure(DECODING.1)),
                share(a.own as f64 / b.own as f64, figure(DECODING.1)),
            ]);
        }
    }
    table
}
