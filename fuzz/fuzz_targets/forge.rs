//! Any strings are refused, or read back as the one event that they were given for.
#![no_main]

#[path = "../../sse-proto/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [event_type, data, id, comment] = support::strings(input);
    support::assert_nothing_is_forged(&event_type, &data, &id, &comment);
});
