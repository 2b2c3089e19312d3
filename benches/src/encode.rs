//! Encoding: measures our encoder and the encoders of other servers with a workload.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::{
    decode::Section,
    encoders, figures,
    markdown::{Table, ratio, reached, time},
    measure::{Contender, interleaved},
    workloads::Workload,
};

/// Returns whether servers send such a workload. Comments are excluded. So is d-crlf, because the encoder
/// chooses its own line ends.
pub fn takes(workload: &Workload) -> bool {
    ["a", "a2", "b", "c", "d-lf", "e", "g"].contains(&workload.key)
}

/// Measures the workloads. `budget` is the approximate time for each.
pub fn section(workloads: &[&Workload], budget: Duration) -> Section {
    let mut below = Vec::new();
    let [ours, peers @ ..] = encoders::ALL;
    let names = peers.iter().map(|peer| peer.name);
    let ratios = names.clone().map(|name| format!("{name} ÷ ours"));
    let columns = [String::from("events"), format!("{}: ns (MB/s)", ours.name)];
    let columns = columns.into_iter().chain(ratios);
    let times = names.chain(["memcpy"]).map(|name| format!("{name}: ns"));
    let mut table = Table::new(columns.chain(times));
    for workload in workloads {
        let times = measure(workload, budget);
        let events = workload.records.len() as f64;
        let speed = workload.stream.len() as f64 * 1000.0 / times[0];
        let title = format!("{}: {}", workload.key, workload.title);
        let mut cells = vec![
            title.replace(", LF", ""),
            format!("{} ({speed:.0})", time(times[0] / events)),
        ];
        for (peer, took) in peers.iter().zip(&times[1..]) {
            let figure = figures::encode(workload.key, peer.name);
            let cell = ratio(took / times[0], figure);
            if !reached(took / times[0], figure) {
                let (key, name) = (workload.key, peer.name);
                below.push(format!("encode {key}, {name} ÷ ours: {cell}"));
            }
            cells.push(cell);
        }
        cells.extend(times[1..].iter().map(|took| time(took / events)));
        table.row(cells);
    }
    Section {
        text: table.to_string(),
        below,
    }
}

/// Returns the time of each encoder for the stream, and then the time to copy the stream.
fn measure(workload: &Workload, budget: Duration) -> Vec<f64> {
    let mut contenders: Vec<_> = encoders::ALL
        .iter()
        .map(|contender| {
            let mut encoder = (contender.new)(&workload.records);
            Contender::timed(move || {
                encoder.prepare();
                let start = Instant::now();
                encoder.run(&mut |bytes| {
                    black_box(bytes);
                });
                start.elapsed()
            })
        })
        .collect();
    let mut buffer = Vec::new();
    contenders.push(Contender::new(move || {
        buffer.clear();
        buffer.extend_from_slice(black_box(&workload.stream));
        black_box(&buffer);
    }));
    interleaved(contenders, budget)
}
