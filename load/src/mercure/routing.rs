//! Cost of routing: results of the program `routes`, which has a hub with very many topics or patterns.

use std::{fmt, path::Path};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use sse_hub::{InvalidTopic, Topic};
use sse_mercure::MatcherType;

use crate::{program::Program, server::Allocator};

/// Shape of the matchers of all subscribers, each of which matches its own topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Exact topics.
    Exact,
    /// URL patterns that begin with different texts.
    Prefix,
    /// URL patterns that begin with the same text and end with different ones.
    Tail,
    /// URL patterns for any host, with different paths.
    Host,
    /// URL patterns for any host, whose paths begin with a wildcard and end with different texts.
    HostTail,
    /// URL patterns that differ only in the query: the hub has to try each of them.
    Query,
}

impl Shape {
    /// All shapes, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Exact,
        Self::Prefix,
        Self::Tail,
        Self::Host,
        Self::HostTail,
        Self::Query,
    ];

    /// Returns the matcher of the subscriber with this number.
    pub fn matcher(self, subscriber: usize) -> (MatcherType, String) {
        let pattern = match self {
            Self::Exact => {
                let topic = format!("https://example.com/books/{subscriber}");
                return (MatcherType::Exact, topic);
            }
            Self::Prefix => format!("https://example.com/books/{subscriber}/:id"),
            Self::Tail => format!("https://example.com/books/:id/{subscriber}"),
            Self::Host => format!("https://*.example.com/books/{subscriber}/:id"),
            Self::HostTail => format!("https://*/:id/{subscriber}"),
            Self::Query => format!(r"https://*/:id\?book={subscriber}"),
        };
        (MatcherType::UrlPattern, pattern)
    }

    /// Returns one of the topics that this subscriber receives. All numbers give the same topic for an exact matcher.
    ///
    /// # Errors
    ///
    /// Does not return an error: the topic is valid.
    pub fn topic(self, subscriber: usize, number: usize) -> Result<Topic, InvalidTopic> {
        let topic = match self {
            Self::Exact => format!("https://example.com/books/{subscriber}"),
            Self::Prefix => format!("https://example.com/books/{subscriber}/{number}"),
            Self::Tail => format!("https://example.com/books/{number}/{subscriber}"),
            Self::Host => format!("https://eu.example.com/books/{subscriber}/{number}"),
            Self::HostTail => format!("https://example.com/{number}/{subscriber}"),
            Self::Query => format!("https://example.com/{number}?book={subscriber}"),
        };
        Topic::opaque(topic)
    }

    /// Returns whether the hub finds the matchers by a lookup, also for a new topic.
    pub(super) fn has_lookup(self) -> bool {
        matches!(self, Self::Exact | Self::Prefix)
    }

    /// Returns the name on the command line.
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, matcher) = self.matcher(17);
        write!(f, "`{matcher}`")
    }
}

/// Results with one shape of matchers.
#[derive(Clone, Copy, Debug)]
pub struct Routing {
    /// Shape of the matchers.
    pub shape: Shape,
    /// Number of subscribers, each with its own matcher.
    pub subscribers: usize,
    /// Memory of a subscriber, in bytes.
    pub memory: f64,
    /// Share of this memory that the hub keeps after all subscribers have left.
    pub kept: f64,
    /// Times, in nanoseconds.
    pub times: Times,
}

/// Processor times, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Time to compile a matcher and to subscribe.
    pub subscribe: u64,
    /// Median time of the first event of a topic.
    pub new: u64,
    /// Median time of a later event of a topic.
    pub known: u64,
    /// 99th percentile of the longest time for which a publication keeps its thread, of all events.
    pub turn: u64,
    /// Median time to try each matcher.
    pub naive: u64,
    /// Time to leave.
    pub leave: u64,
}

/// Measures a shape in its own process.
///
/// # Errors
///
/// Returns an error if the program fails, or if an event reaches a wrong number of subscribers.
pub fn measure(
    programs: &Path,
    shape: Shape,
    subscribers: usize,
    events: usize,
) -> Result<Routing> {
    let run = || {
        let mut command = Allocator::Jemalloc.command(programs.join("routes"));
        command
            .args(["--shape", &shape.name()])
            .args(["--subscribers", &subscribers.to_string()])
            .args(["--events", &events.to_string()]);
        let mut routes = Program::start(&mut command)?;
        let empty = routes.answer("empty ")?;
        let subscribe = routes.answer("subscribe ")?;
        let full = routes.answer("full ")?;
        let new = routes.answer("new ")?;
        let known = routes.answer("known ")?;
        let turn = routes.answer("turn ")?;
        let naive = routes.answer("naive ")?;
        let leave = routes.answer("leave ")?;
        let left = routes.answer("left ")?;
        let memory = full.saturating_sub(empty) as f64;
        ensure!(memory > 0.0, "subscribers take no memory");
        Ok(Routing {
            shape,
            subscribers,
            memory: memory / subscribers as f64,
            kept: left.saturating_sub(empty) as f64 / memory,
            times: Times {
                subscribe,
                new,
                known,
                turn,
                naive,
                leave,
            },
        })
    };
    run().with_context(|| format!("{subscribers} subscribers of {shape}"))
}
