//! Benchmarks only `sse-proto`, to show the effect of a change. `--bin table` compares it with the peers.
#![allow(
    missing_docs,
    reason = "criterion's macros generate functions without docs"
)]

use benches::{
    feed::{Chunking, Feed},
    ours,
    workloads::workloads,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn decode(criterion: &mut Criterion) {
    for workload in workloads() {
        let mut group = criterion.benchmark_group(format!("decode {}", workload.key));
        for chunking in Chunking::ALL {
            let feed = Feed::new(&workload, chunking);
            group.throughput(Throughput::Bytes(feed.bytes() as u64));
            let id = |events| BenchmarkId::new(events, chunking.name());
            group.bench_function(id("str"), |bencher| {
                bencher.iter(|| ours::decode_str(&feed));
            });
            group.bench_function(id("bytes"), |bencher| {
                bencher.iter(|| ours::decode_bytes(&feed));
            });
        }
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
