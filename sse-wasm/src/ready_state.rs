/// What the browser is doing
/// ([`readyState`](https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate)).
#[allow(clippy::exhaustive_enums, reason = "the standard has three")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// It connects, or waits for some time to pass and then does.
    Connecting,
    /// It receives events.
    Open,
    /// It has stopped, and does not try again: closed by us, or refused by the server.
    Closed,
}

impl ReadyState {
    pub(crate) fn of(raw: &web_sys::EventSource) -> Self {
        match raw.ready_state() {
            web_sys::EventSource::CONNECTING => Self::Connecting,
            web_sys::EventSource::OPEN => Self::Open,
            _ => Self::Closed,
        }
    }
}
