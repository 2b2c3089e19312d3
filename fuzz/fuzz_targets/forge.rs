//! Checks that any string is rejected or received unchanged, on every path from a string to encoded bytes.
#![no_main]

#[path = "../../sse-hyper/tests/ways/mod.rs"]
mod ways;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let text = ways::strings(input);
    for (name, way) in ways::WAYS {
        ways::check(name, *way, &text);
    }
});
