//! Fan-out: finds the subscribers of each event, and keeps the events that they have not read yet.

pub(crate) mod channel;
mod custom_patterns;
pub(crate) mod index;
mod known_matches;
