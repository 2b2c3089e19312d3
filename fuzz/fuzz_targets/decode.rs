//! Checks that every decoder decodes any bytes in any chunks like the reference.
#![no_main]

#[path = "../../sse-proto/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use testkit::{chunks, reference};

fuzz_target!(|input: &[u8]| {
    let (stream, chunks) = chunks::from_fuzzer(input);
    assert_eq!(
        support::decode(support::Limits::default(), &chunks),
        reference::interpret(stream)
    );
});
