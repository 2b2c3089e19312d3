//! What is to happen, by the parameters of the query:
//!
//! | name | meaning |
//! | --- | --- |
//! | `key` | the requests with this key are counted together |
//! | `status`, `times` | the first so many requests are answered by this status, with a body that says so |
//! | `after` | ... and this `Retry-After` |
//! | `type` | the type of what is answered, instead of `text/event-stream` |
//! | `late` | the answer begins so many milliseconds late |
//! | `n` | there are so many events; who asks for more is answered 204 |
//! | `take` | so many of them go over one connection |
//! | `every` | milliseconds from one event to the next, also parts of one; otherwise as fast as the client reads |
//! | `pad` | so many bytes more in each event |
//! | `id` | what each ID begins with, before its number |
//! | `head`, `tail` | bytes before the first and behind the last event of a connection |
//! | `drip` | each byte goes alone, and so many milliseconds later than the one before |
//! | `then` | how the connection ends: `end` as it should, by `fin` or `rst` in the middle, or not: `silence` |
//! | `ping` | milliseconds between events of type `ping` in the silence |

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

/// How a connection ends.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    End,
    Fin,
    Rst,
    Silence,
}

impl Script {
    /// `None` for one that makes no sense.
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

    /// How many events a client has seen, by the ID of the last.
    pub(crate) fn seen(&self, request: &Request) -> Option<u64> {
        let header = request.header("last-event-id").map(str::to_owned);
        match header.or_else(|| request.text("last-event-id")) {
            Some(id) => request::number(id.strip_prefix(&self.id)?),
            None => Some(0),
        }
    }
}
