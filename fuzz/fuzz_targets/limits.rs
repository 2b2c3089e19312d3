//! Whatever the limit, how a stream is cut does not change what it says, and no decoder differs.
#![no_main]

#[path = "../../sse-proto/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use testkit::chunks;

fuzz_target!(|input: &[u8]| {
    let (limit, input) = input.split_first().unwrap_or((&0, &[]));
    let limit = Some(usize::from(*limit));
    let (stream, chunks) = chunks::from_fuzzer(input);
    assert_eq!(
        support::decode(limit, &chunks),
        support::decode(limit, &[stream])
    );
});
