//! Fan-out: finds the subscribers of each event, and keeps the events that they have not read yet.

pub(crate) mod channel;
pub(crate) mod index;
