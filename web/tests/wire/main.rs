//! Tests of the demo server at the level of HTTP bytes.

mod events;
mod faults;
mod server;
