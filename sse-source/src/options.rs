use crate::{refusal::RefusalLimits, retry::RetryPolicy};

/// Options of a source apart from its requests and its settings.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// The first disconnection is the end.
    pub(crate) is_once: bool,
    /// An event that the response ends with is dispatched without its blank line.
    pub(crate) takes_unfinished_event: bool,
    /// A response without `Content-Type`, or with another status of success than 200, is an event stream.
    pub(crate) takes_lenient_response: bool,
    pub(crate) refusal_limits: RefusalLimits,
    pub(crate) retry_policy: Option<RetryPolicy>,
}
