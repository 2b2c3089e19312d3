//! What is shown of the connection itself.

use sse_wasm::{Event, Item};
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, feeds::Feeds, log::Log};

/// The page: the connection's state, and all that came over it.
pub(crate) struct Page {
    state: State,
    pill: Element,
    last_event_id: String,
    last_event_id_shown: Element,
    count: u32,
    count_shown: Element,
    feeds: Feeds,
    log: Log,
}

impl Page {
    /// Finds its elements.
    pub(crate) fn find() -> Result<Self, JsValue> {
        Ok(Self {
            state: State::Closed,
            pill: dom::by_id("state")?,
            last_event_id: String::new(),
            last_event_id_shown: dom::by_id("last-event-id")?,
            count: 0,
            count_shown: dom::by_id("count")?,
            feeds: Feeds::find()?,
            log: Log::find()?,
        })
    }

    /// The ID of the last event, empty at first.
    pub(crate) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Shows an item of the stream.
    pub(crate) fn show(&mut self, item: Item) -> Result<(), JsValue> {
        match item {
            Item::Open => self.set_state(State::Live),
            Item::Event(event) => self.show_event(&event),
            Item::Closed(_) => self.set_state(State::Closed),
            Item::Disconnected(_) => self.set_state(State::Lost),
            Item::Lagged(dropped) => {
                let dropped = dom::fixed(dropped as f64, 0)?;
                self.log.note(&["too slow, not shown: ", &dropped].concat())
            }
            _ => Ok(()),
        }
    }

    /// Shows the state, and logs it if it is a new one: a browser that cannot reconnect says so
    /// again at each attempt.
    pub(crate) fn set_state(&mut self, state: State) -> Result<(), JsValue> {
        if self.state == state {
            return Ok(());
        }
        self.state = state;
        let (name, label, note) = state.words();
        self.pill.set_attribute("data-state", name)?;
        self.pill.set_text_content(Some(label));
        self.log.note(note)
    }

    /// Logs an event, and hands it to its feed. One that cannot be read harms nothing else.
    fn show_event(&mut self, event: &Event) -> Result<(), JsValue> {
        self.count += 1;
        self.count_shown
            .set_text_content(Some(&dom::fixed(self.count.into(), 0)?));
        event.last_event_id.clone_into(&mut self.last_event_id);
        self.last_event_id_shown
            .set_text_content(Some(&self.last_event_id));

        self.log.event(event)?;
        match self.feeds.show(event) {
            Ok(()) => Ok(()),
            Err(fault) => self.log.fault(event, fault),
        }
    }
}

/// What the connection is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A new connection is being made.
    Connecting,
    /// Events come.
    Live,
    /// The browser reconnects.
    Lost,
    /// The browser has given up. We have not.
    Closed,
}

impl State {
    /// The state for style sheets and tests, for the reader, and for the log.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Connecting => ("connecting", "Connecting…", "connecting"),
            Self::Live => ("open", "Live", "connected"),
            Self::Lost => (
                "connecting",
                "Connection lost, reconnecting…",
                "connection lost",
            ),
            Self::Closed => (
                "closed",
                "Closed",
                "connection closed, a new one follows soon",
            ),
        }
    }
}
