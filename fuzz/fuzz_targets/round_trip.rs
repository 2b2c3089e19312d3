//! Checks that any sequence of encoded events, in any chunks, decodes to the same events.
#![no_main]

#[path = "../../sse-proto/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use testkit::chunks;

fuzz_target!(|input: &[u8]| {
    let (input, cuts) = chunks::from_fuzzer(input);
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    for strings in input.split(|byte| *byte == 0xFE) {
        let event = support::event(support::strings(strings));
        event.encode(&mut wire);
        expected.extend(support::as_decoded(&event, &expected));
    }
    let lengths: Vec<usize> = cuts.iter().map(|chunk| chunk.len()).collect();
    let decoded = support::decode(support::Limits::default(), &chunks::cut_at(&wire, &lengths));
    assert_eq!(decoded.items, expected);
});
