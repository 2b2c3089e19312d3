//! Shared code of the tests, the fuzz targets and the benchmarks.
//!
//! It imports none of the crates that it tests. So a fault in one of them cannot also be in the test code.
//!
//! - [`reference`]: a slow decoder of whole streams, written line by line from the text of the standard.
//! - [`cases`]: the test cases of `testdata/`, with their expected outcomes.
//! - [`forgery`]: values that forge fields in other encoders, and a judgement on what an encoder makes of them.
//! - [`chunks`]: ways to split a stream.
//! - [`contract`]: checks of a contract server.
//! - [`browser`]: options and slots of browsers.
//! - [`cargo`]: cargo, run by a program that cargo itself runs.
//! - [`example`]: an example of a package, as a process.
//! - [`timeout`]: the time after which a test gives up.
//! - [`poll_time`]: checks that a future yields to other tasks.
//! - [`nats`]: a NATS server for tests.
//! - [`port`]: free ports for servers that may be killed and started again.

pub mod browser;
pub mod cargo;
pub mod cases;
pub mod chunks;
pub mod contract;
pub mod example;
pub mod forgery;
pub mod hub_id;
pub mod nats;
pub mod poll_time;
pub mod port;
pub mod reference;
pub mod timeout;

/// Item of a decoded stream. The tests use it instead of the types of the crates that they test.
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
    /// The reconnection time is set, in milliseconds.
    Retry(u64),
    /// A comment, without its colon.
    Comment(String),
    /// An event is dropped because it exceeds the decoder's limit. It starts at this byte offset.
    TooLarge(u64),
    /// An ID is ignored because it exceeds the decoder's limit. Its line starts at this byte offset.
    IdTooLong(u64),
}

/// Everything that a decoder gets from a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Items in the order of the stream.
    pub items: Vec<Item>,
    /// The last event ID string at the end of the stream.
    pub last_event_id: String,
}
