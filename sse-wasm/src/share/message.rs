//! Messages between tabs: arrays whose first element is the kind of message.

use core::time::Duration;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use crate::{Closed, Disconnected, Event, Item};

pub(super) enum Message {
    /// A tab has joined.
    Joined,
    /// The sender has the connection from now on, and continues after the event with this ID.
    ResumesAfter(String),
    /// An item of the connection. The reason of a lost connection is not sent.
    Item(Item),
}

impl Message {
    /// Encodes a message, or returns `None` for items that other tabs do not need.
    pub(super) fn encode(&self) -> Option<JsValue> {
        let parts: &[JsValue] = match self {
            Self::Joined => &["joined".into()],
            Self::ResumesAfter(id) => &["resumes-after".into(), id.into()],
            Self::Item(Item::Open) => &["open".into()],
            Self::Item(Item::Event(event)) => &[
                "event".into(),
                (&event.event_type).into(),
                (&event.data).into(),
                event.last_event_id.as_str().into(),
            ],
            Self::Item(Item::Comment(text)) => &["comment".into(), text.into()],
            Self::Item(Item::Retry(time)) => &["retry".into(), time.as_secs_f64().into()],
            Self::Item(Item::Disconnected(disconnected)) => {
                let delay = disconnected.delay.map(|delay| delay.as_secs_f64());
                &["disconnected".into(), delay.into()]
            }
            Self::Item(Item::Closed(closed)) => &["closed".into(), (&closed.body).into()],
            Self::Item(_) => return None,
        };
        Some(parts.iter().collect::<Array>().into())
    }

    /// Decodes a message, or returns `None` if it is unknown, for example from another version of this crate.
    pub(super) fn decode(message: &JsValue) -> Option<Self> {
        let parts = message.dyn_ref::<Array>()?;
        let text = |index| parts.get(index).as_string();
        let time = |index| {
            let seconds = parts.get(index).as_f64()?;
            Duration::try_from_secs_f64(seconds).ok()
        };
        Some(match &*text(0)? {
            "joined" => Self::Joined,
            "resumes-after" => Self::ResumesAfter(text(1)?),
            "open" => Self::Item(Item::Open),
            "event" => Self::Item(Item::Event(Event::new(
                text(1)?,
                text(2)?,
                text(3)?.try_into().ok()?,
            ))),
            "comment" => Self::Item(Item::Comment(text(1)?)),
            "retry" => Self::Item(Item::Retry(time(1)?)),
            "disconnected" => Self::Item(Item::Disconnected(Disconnected {
                reason: None,
                delay: time(1),
            })),
            "closed" => Self::Item(Item::Closed(Closed {
                body: text(1)?,
                ..Closed::default()
            })),
            _ => return None,
        })
    }
}
