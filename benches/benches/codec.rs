//! Decoding in chunks of 16 KiB, and encoding into a buffer that is used again.
#![allow(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;

use benches::workloads;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sse_proto::Decoder;

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for workload in workloads() {
        let stream = workload.stream();
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(workload.name, |bencher| {
            bencher.iter(|| {
                let mut decoder = Decoder::new();
                for mut chunk in stream.chunks(16 * 1024) {
                    while let Ok(Some(item)) = decoder.decode(&mut chunk) {
                        black_box(item);
                    }
                }
            });
        });
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for workload in workloads() {
        let mut out = workload.stream();
        group.throughput(Throughput::Bytes(out.len() as u64));
        group.bench_function(workload.name, |bencher| {
            bencher.iter(|| {
                out.clear();
                for event in &workload.events {
                    event.encode(&mut out);
                }
                black_box(&out);
            });
        });
    }
}

criterion_group!(codec, decode, encode);
criterion_main!(codec);
