//! Who receives a stream: each library asks once, hands out all that comes, and stops at the end of
//! the response. Each has a connection of its own, on the caller's thread.

pub mod eventsource_client;
pub mod hyper;
pub mod ours;
pub mod ours_once;
pub mod reqwest_eventsource;

use std::fmt;

use clap::ValueEnum;

/// A library that receives a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// sse-source's `EventSource`.
    Ours,
    /// The same crate's `send`, which asks once.
    OursOnce,
    /// reqwest, and eventsource-stream to decode.
    ReqwestEventsource,
    /// `LaunchDarkly`'s, with its own transport of hyper.
    EventsourceClient,
    /// hyper's connection and nobody who decodes: the bound.
    Hyper,
}

/// What a client hands out.
#[derive(Clone, Copy, Debug)]
pub enum Received<'a> {
    /// An event.
    Event {
        /// Its type, or "message".
        event_type: &'a str,
        /// Its data.
        data: &'a str,
        /// Its ID, or nothing.
        id: &'a str,
    },
    /// A piece of the body, from who does not decode.
    Bytes(&'a [u8]),
}

impl Client {
    /// All, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self::Ours,
        Self::OursOnce,
        Self::ReqwestEventsource,
        Self::EventsourceClient,
        Self::Hyper,
    ];

    /// What it is called on the command line. Its program is called `receive-` and that.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursOnce => "ours-once",
            Self::ReqwestEventsource => "reqwest-eventsource",
            Self::EventsourceClient => "eventsource-client",
            Self::Hyper => "hyper",
        }
    }

    /// Whether it is to be right, and not only compared.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursOnce)
    }

    /// Whether it hands out events.
    pub fn decodes(self) -> bool {
        self != Self::Hyper
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
