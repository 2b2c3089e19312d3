//! The card of a client: the state of its connection, and its statistics.

use js_sys::Date;
use sse_wasm::{Event, Item};
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, log::Log, meter::Meter, record::Record};

/// The state of a client, its card on the page, and its log.
pub(crate) struct Client {
    pub(crate) log: Log,
    state: State,
    /// The reason for the last interruption.
    reason: String,
    /// The number of attempts since the last interruption.
    attempts: u64,
    /// The time of the next attempt, in milliseconds since 1970.
    next: Option<f64>,
    last_event_id: String,
    meter: Meter,
    card: Card,
}

struct Card {
    state: Element,
    reason: Element,
    last_event_id: Element,
    latency: Element,
    count: Count,
    replayed: Count,
    lost: Count,
    duplicate: Count,
}

/// A number that is shown.
struct Count {
    element: Element,
    shown: u64,
}

impl Count {
    fn show(&mut self, number: u64) -> Result<(), JsValue> {
        if self.shown != number {
            self.shown = number;
            dom::show(&self.element, &dom::format_integer(number)?);
        }
        Ok(())
    }
}

impl Client {
    /// Finds the elements of the card, whose IDs start with this prefix.
    pub(crate) fn find(prefix: &str, log: Log) -> Result<Self, JsValue> {
        let element = |id: &str| dom::by_id(&[prefix, id].concat());
        let count = |id| {
            Ok::<_, JsValue>(Count {
                element: element(id)?,
                shown: 0,
            })
        };
        Ok(Self {
            log,
            state: State::Closed,
            reason: String::new(),
            attempts: 0,
            next: None,
            last_event_id: String::new(),
            meter: Meter::default(),
            card: Card {
                state: element("state")?,
                reason: element("reason")?,
                last_event_id: element("last-event-id")?,
                latency: element("latency")?,
                count: count("count")?,
                replayed: count("replayed")?,
                lost: count("lost")?,
                duplicate: count("duplicate")?,
            },
        })
    }

    /// Returns the ID of the last event, initially empty.
    pub(crate) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Shows that the client connects.
    pub(crate) fn connect(&mut self) -> Result<(), JsValue> {
        self.set_state(State::Connecting)
    }

    /// Shows that the client is closed, and the reason.
    pub(crate) fn close(&mut self, reason: &str) -> Result<(), JsValue> {
        reason.clone_into(&mut self.reason);
        self.set_state(State::Closed)
    }

    /// Shows an item of the stream.
    pub(crate) fn show(&mut self, item: &Item) -> Result<(), JsValue> {
        match item {
            Item::Open => {
                self.meter.on_open();
                self.set_state(State::Live)
            }
            Item::Event(event) => self.show_event(event),
            Item::Disconnected(disconnected) => {
                if self.state != State::Lost {
                    self.attempts = 0;
                }
                self.attempts += 1;
                self.reason = disconnected.to_string();
                let delay = disconnected.delay.map(|delay| delay.as_millis() as f64);
                self.next = delay.map(|delay| Date::now() + delay);
                self.set_state(State::Lost)
            }
            Item::Closed(closed) => self.close(&closed.to_string()),
            _ => Ok(()),
        }
    }

    /// Shows the state, and logs it if it has changed.
    ///
    /// A browser that cannot reconnect reports the same state at each attempt.
    fn set_state(&mut self, state: State) -> Result<(), JsValue> {
        if self.state != state {
            self.state = state;
            let (name, label, note) = state.labels();
            self.card.state.set_attribute("data-state", name)?;
            dom::show(&self.card.state, label);
            self.log.note("note", note)?;
        }
        self.tick()
    }

    /// Updates the time until the next attempt.
    pub(crate) fn tick(&self) -> Result<(), JsValue> {
        let attempts = dom::format_integer(self.attempts)?;
        let text = match (self.state, self.next) {
            (State::Connecting, _) => String::new(),
            (State::Live, _) if self.reason.is_empty() => "No interruption so far.".to_owned(),
            (State::Live, _) if self.attempts == 1 => {
                ["Reconnected after 1 attempt. Reason: ", &self.reason, "."].concat()
            }
            (State::Live, _) => {
                let reason = [" attempts. Reason: ", &self.reason, "."].concat();
                ["Reconnected after ", &attempts, &reason].concat()
            }
            (State::Lost, None) => [
                "Reason: ",
                &self.reason,
                ". Attempt ",
                &attempts,
                " at an unknown time.",
            ]
            .concat(),
            (State::Lost, Some(next)) => {
                let seconds = ((next - Date::now()) / 1000.0).ceil().max(0.0);
                let seconds = dom::format_fixed(seconds, 0)?;
                let attempt = [". Attempt ", &attempts, " in ", &seconds, " s."].concat();
                ["Reason: ", &self.reason, &attempt].concat()
            }
            (State::Closed, _) => ["Reason: ", &self.reason, "."].concat(),
        };
        dom::show(&self.card.reason, &text);
        Ok(())
    }

    fn show_event(&mut self, event: &Event) -> Result<(), JsValue> {
        match &*event.event_type {
            "server" => {
                // Invalid counters are ignored.
                let _ = self.show_counters(&event.data);
                return Ok(());
            }
            "reset" => {
                self.last_event_id.clear();
                self.meter.reset();
                return self.show_notice(event);
            }
            "lagged" => return self.show_notice(event),
            _ => {}
        }
        if let Some(id) = number(&event.last_event_id) {
            self.meter.on_event(id);
        }
        event
            .last_event_id
            .as_str()
            .clone_into(&mut self.last_event_id);
        let (card, meter) = (&mut self.card, &self.meter);
        card.last_event_id
            .set_text_content(Some(&self.last_event_id));
        card.count.show(meter.received)?;
        card.replayed.show(meter.replayed)?;
        card.lost.show(meter.lost)?;
        card.duplicate.show(meter.duplicate)
    }

    /// Logs an event that reports missing events.
    fn show_notice(&self, event: &Event) -> Result<(), JsValue> {
        let notice = ["the server sent ", &event.event_type, ": ", &event.data];
        self.log.note("note", &notice.concat())
    }

    /// Shows the latency, and passes the latest event ID of the server to the meter.
    fn show_counters(&mut self, data: &str) -> Result<(), JsValue> {
        let counters = Record::parse(data)?;
        let latest = number(&counters.text("latest")?);
        self.meter.on_latest_id(latest.unwrap_or(0));
        let latency = (Date::now() - counters.number("now")?).max(0.0);
        let latency = dom::format_fixed(latency, 0)?;
        dom::show(&self.card.latency, &[&latency, " ms"].concat());
        Ok(())
    }
}

/// Returns whether the server could not resume after the last event of the client.
///
/// The stream then continues with new events only. A new connection without a last event ID gets the initial events.
pub(crate) fn is_reset(item: &Item) -> bool {
    matches!(item, Item::Event(event) if event.event_type == "reset")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the IDs of the demo server have no sign"
)]
fn number(id: &str) -> Option<u64> {
    id.parse().ok()
}

/// The state of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The client makes its first attempt.
    Connecting,
    /// The client receives events.
    Live,
    /// The connection is lost, and the client reconnects.
    Lost,
    /// The client does not reconnect until the user presses the start button.
    Closed,
}

impl State {
    /// Returns the names of the state: for style sheets and tests, for the page, and for the log.
    fn labels(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Connecting => ("connecting", "Connecting…", "connecting"),
            Self::Live => ("open", "Live", "connected"),
            Self::Lost => (
                "connecting",
                "Connection lost, reconnecting…",
                "connection lost",
            ),
            Self::Closed => ("closed", "Closed", "connection closed"),
        }
    }
}
