//! Checks with any limits that all decoders agree, and that the result does not depend on the chunks.
#![no_main]

#[path = "../../sse-proto/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use testkit::{chunks, reference};

fuzz_target!(|input: &[u8]| {
    let (limit, input) = input.split_first().unwrap_or((&0, &[]));
    let (max_id_bytes, input) = input.split_first().unwrap_or((&0, &[]));
    let (limit, max_id_bytes) = (usize::from(*limit), usize::from(*max_id_bytes % 16));
    let (stream, chunks) = chunks::from_fuzzer(input);
    let limits = support::Limits::new(Some(limit), Some(max_id_bytes));
    assert_eq!(
        support::decode(limits, &chunks),
        support::decode(limits, &[stream])
    );
    let limits = support::Limits::new(None, Some(max_id_bytes));
    assert_eq!(
        support::decode(limits, &chunks),
        reference::interpret_with(stream, max_id_bytes)
    );
});
