//! Script of a response, from the parameters of the query:
//!
//! | name | meaning |
//! | --- | --- |
//! | `key` | key under which the requests are counted together |
//! | `status`, `times` | status of the first `times` responses; their body names it |
//! | `after` | `Retry-After` header of these responses |
//! | `type` | content type of the response, instead of `text/event-stream` |
//! | `late` | delay before the response, in milliseconds |
//! | `n` | number of events; a client that has seen all of them gets 204 |
//! | `take` | maximum number of events on one connection |
//! | `every` | milliseconds from one event to the next, with fractions; by default as fast as the client reads |
//! | `pad` | number of additional bytes in each event |
//! | `id` | prefix of each ID, before its number |
//! | `head`, `tail` | bytes before the first and after the last event of a connection |
//! | `drip` | sends each byte alone, with this pause in milliseconds between two bytes |
//! | `then` | end of the connection: `end` (proper end), `fin` or `rst` (cut in the body), `silence` (stays open) |
//! | `ping` | milliseconds between events of type `ping` during `silence` |

use std::time::Duration;

use crate::request::{self, Request};

pub(crate) struct Script {
    pub(crate) status: Option<u16>,
    pub(crate) times: u64,
    pub(crate) after: Option<String>,
    pub(crate) content_type: String,
    pub(crate) late: Option<Duration>,
    pub(crate) count: u64,
    pub(crate) take: u64,
    pub(crate) every: Duration,
    pub(crate) pad: usize,
    pub(crate) id: String,
    pub(crate) head: Vec<u8>,
    pub(crate) tail: Vec<u8>,
    pub(crate) drip: Option<Duration>,
    pub(crate) then: Then,
    pub(crate) ping: Option<Duration>,
}

/// Way in which a connection ends.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    End,
    Fin,
    Rst,
    Silence,
}

impl Script {
    /// Reads the script from the query. Returns `None` if a parameter is invalid.
    pub(crate) fn read(request: &Request) -> Option<Self> {
        let number = |name: &str, default: u64| match request.text(name) {
            Some(text) => request::number(&text),
            None => Some(default),
        };
        let milliseconds = |name: &str| match request.text(name) {
            Some(text) => {
                let seconds = request::number::<f64>(&text)? / 1000.0;
                Some(Some(Duration::try_from_secs_f64(seconds).ok()?))
            }
            None => Some(None),
        };
        let status = number("status", 0)?;
        Some(Self {
            status: (status > 0).then_some(u16::try_from(status).ok()?),
            times: number("times", u64::MAX)?,
            after: request.text("after"),
            content_type: request
                .text("type")
                .unwrap_or_else(|| "text/event-stream".to_owned()),
            late: milliseconds("late")?,
            count: number("n", u64::MAX)?,
            take: number("take", u64::MAX)?,
            every: milliseconds("every")?.unwrap_or_default(),
            pad: number("pad", 0)?.try_into().ok()?,
            id: request.text("id").unwrap_or_default(),
            head: request.parameter("head").unwrap_or_default(),
            tail: request.parameter("tail").unwrap_or_default(),
            drip: milliseconds("drip")?,
            then: match request.text("then").as_deref() {
                None | Some("end") => Then::End,
                Some("fin") => Then::Fin,
                Some("rst") => Then::Rst,
                Some("silence") => Then::Silence,
                Some(_) => return None,
            },
            ping: milliseconds("ping")?,
        })
    }

    /// Returns the number of events that the client has seen, from its last event ID.
    ///
    /// Returns `None` if that ID is not one of this script.
    pub(crate) fn seen(&self, request: &Request) -> Option<u64> {
        let header = request.header("last-event-id").map(str::to_owned);
        match header.or_else(|| request.text("last-event-id")) {
            Some(id) => request::number(id.strip_prefix(&self.id)?),
            None => Some(0),
        }
    }
}
