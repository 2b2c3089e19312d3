//! What the tests, the fuzz targets and the benchmarks share. It imports none of the crates that it
//! tests, so that a fault of theirs cannot hide in here.
//!
//! - [`reference`]: a decoder written line for line from the standard's text, slow and whole.
//! - [`cases`]: the streams of `testdata/` and what they hold.
//! - [`chunks`]: the ways to cut a stream.
//! - [`contract`]: a client that tries everything on a contract server.
//! - [`browser`]: how browsers are started, and how many at a time; [`cargo`]: how cargo is, by what it runs.
//! - [`example`]: an example of a package, as a process that is tested from the outside.
//! - [`timeout`]: how long a test waits; [`poll_time`]: whether a future lets its neighbours run.
//! - [`nats`]: a NATS server, for those that need one; [`port`]: a port for a server that may die.

pub mod browser;
pub mod cargo;
pub mod cases;
pub mod chunks;
pub mod contract;
pub mod example;
pub mod hub_id;
pub mod nats;
pub mod poll_time;
pub mod port;
pub mod reference;
pub mod timeout;

/// What a stream says, one thing at a time, in the tests' own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event is dispatched.
    Event {
        /// `type` of the event.
        event_type: String,
        /// `data` of the event.
        data: String,
        /// `lastEventId` of the event.
        last_event_id: String,
    },
    /// The reconnection time is set to so many milliseconds.
    Retry(u64),
    /// A comment, without its colon.
    Comment(String),
    /// An event is dropped because of the decoder's limit. It starts at this byte.
    TooLarge(u64),
    /// An ID is ignored because of the decoder's limit. Its line starts at this byte.
    IdTooLong(u64),
}

/// All that a stream says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// In the order of the stream.
    pub items: Vec<Item>,
    /// The last event ID string at the end of the stream.
    pub last_event_id: String,
}
