//! Any bytes, cut anywhere, decode as the reference says.
#![no_main]

#[path = "../../sse-proto/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use testkit::{chunks::cut_at, reference};

fuzz_target!(|input: (Vec<usize>, Vec<u8>)| {
    let (cuts, stream) = input;
    let decoded = support::decode(None, &cut_at(&stream, &cuts));
    assert_eq!(decoded, reference::interpret(&stream));
});
