//! Any strings are refused, or read back as what they were given for, by every way from a string to what is sent.
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
