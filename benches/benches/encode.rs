//! Benchmarks only `sse-proto`, to show the effect of a change. `--bin table` compares it with the peers.
#![allow(
    missing_docs,
    reason = "criterion's macros generate functions without docs"
)]

use std::hint::black_box;

use benches::{
    encode,
    encoders::{Encode as _, ours},
    workloads::workloads,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for workload in workloads()
        .iter()
        .filter(|workload| encode::takes(workload))
    {
        let mut encoder = ours::Encoder::new(&workload.records);
        group.throughput(Throughput::Bytes(workload.stream.len() as u64));
        group.bench_function(workload.key, |bencher| {
            bencher.iter(|| {
                encoder.run(&mut |bytes| {
                    black_box(bytes);
                });
            });
        });
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
