//! Checks the invariants of a client session after any steps of a driver, in simulated time.
#![no_main]

#[path = "../../sse-proto/tests/simulated/steps.rs"]
mod steps;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| steps::run(input));
