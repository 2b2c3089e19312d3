//! The server, seen from the wire.

mod events;
mod faults;
mod server;
