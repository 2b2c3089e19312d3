//! Cost of the Mercure protocol: of `sse hub --mercure` beside `sse hub`, and of routing by topics and patterns.
//!
//! - [`publisher`]: publishes to a hub over HTTP; [`token`]: access tokens of a hub.
//! - [`contender`]: a hub with subscribers of one topic, in one of its [modes](contender::Mode).
//! - [`routing`]: results of the program `routes`, which routes events without sockets.
//! - [`report`]: the tables.

pub mod contender;
pub mod publisher;
pub mod report;
pub mod routing;
pub mod token;
