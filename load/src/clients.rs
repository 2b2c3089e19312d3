//! Libraries that receive a stream. Each sends one request over its own connection, on the caller's thread. It passes
//! on all that it receives, and stops at the end of the response.

pub mod eventsource_client;
pub mod hyper;
pub mod ours;
pub mod ours_once;
pub mod reqwest_eventsource;

use std::fmt;

use clap::ValueEnum;

/// Library that receives a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// `EventSource` of sse-source.
    Ours,
    /// `send` of sse-source, which sends one request.
    OursOnce,
    /// reqwest-eventsource, which decodes with eventsource-stream.
    ReqwestEventsource,
    /// eventsource-client of `LaunchDarkly`, with its own transport on hyper.
    EventsourceClient,
    /// Connection of hyper without a decoder: the upper bound.
    Hyper,
}

/// Output of a client.
#[derive(Clone, Copy, Debug)]
pub enum Received<'a> {
    /// An event.
    Event {
        /// Event type, "message" by default.
        event_type: &'a str,
        /// Data of the event.
        data: &'a str,
        /// ID of the event, or the empty string.
        id: &'a str,
    },
    /// A piece of the body, from a client that does not decode.
    Bytes(&'a [u8]),
}

impl Client {
    /// All clients, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self::Ours,
        Self::OursOnce,
        Self::ReqwestEventsource,
        Self::EventsourceClient,
        Self::Hyper,
    ];

    /// Returns the name on the command line. The name of the program is `receive-` followed by this name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursOnce => "ours-once",
            Self::ReqwestEventsource => "reqwest-eventsource",
            Self::EventsourceClient => "eventsource-client",
            Self::Hyper => "hyper",
        }
    }

    /// Returns true if the client is one of this project, so that a wrong result is an error.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursOnce)
    }

    /// Returns true if the client decodes events.
    pub fn decodes(self) -> bool {
        self != Self::Hyper
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
