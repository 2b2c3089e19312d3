//! Number of allocations, after all buffers have reached their size.

use std::hint::black_box;

use crate::{
    encode, encoders,
    feed::{Chunking, Feed},
    markdown::Table,
    ours, peers,
    workloads::Workload,
};

/// Size of the part of a stream that is decoded twice, in bytes. Only the allocations of the second pass count.
const PART_BYTES: usize = 256 * 1024;

/// Returns the tables of allocations per event: for decoding in chunks of 16 KiB and of one event, and for
/// encoding.
///
/// `count` runs its argument and returns the number of allocations.
pub fn section(workloads: &[Workload], count: fn(&mut dyn FnMut()) -> u64) -> String {
    let names = peers::ALL.iter().map(|peer| peer.name);
    let ours = ["decoding", "chunks", "ours, `&str`", "ours, `&[u8]`"];
    let mut decoding = Table::new(ours.into_iter().chain(names));
    for workload in workloads {
        for chunking in [Chunking::Read, Chunking::Block] {
            let once = Feed::start(workload, chunking, PART_BYTES);
            let twice = once.twice();
            let ours = [ours::decode_str, ours::decode_bytes].into_iter();
            let all = ours.chain(peers::ALL.iter().map(|peer| peer.decode));
            let counts = all.map(|decode| {
                // Only the allocations that the second half of the doubled stream adds.
                let of = |feed: &Feed| {
                    count(&mut || {
                        black_box(decode(feed));
                    })
                };
                let first = of(&once);
                per_event(of(&twice).saturating_sub(first), once.blocks)
            });
            let place = [workload.key.to_owned(), chunking.name().to_owned()];
            decoding.row(place.into_iter().chain(counts));
        }
    }
    let names = encoders::ALL.iter().map(|encoder| encoder.name);
    let mut encoding = Table::new(["encoding"].into_iter().chain(names));
    for workload in workloads.iter().filter(|workload| encode::takes(workload)) {
        let counts = encoders::ALL.iter().map(|contender| {
            let mut encoder = (contender.new)(&workload.records);
            let mut run = || {
                encoder.prepare();
                count(&mut || encoder.run(&mut |_| {}))
            };
            run();
            per_event(run(), workload.records.len())
        });
        encoding.row([workload.key.to_owned()].into_iter().chain(counts));
    }
    format!("{decoding}\n{encoding}")
}

fn per_event(count: u64, events: usize) -> String {
    if count == 0 {
        return "0".into();
    }
    format!("{:.2}", count as f64 / events as f64)
}
