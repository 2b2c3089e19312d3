/// The state of a connection
/// ([`readyState`](https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate)).
#[allow(clippy::exhaustive_enums, reason = "the standard has three states")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// The client is connecting, or waits before the next attempt.
    Connecting,
    /// The client receives events.
    Open,
    /// The connection has ended for good: the caller closed it, or the server refused it.
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
