use crate::{refusal::RefusalLimits, retry::RetryPolicy};

/// Options of an event source that are not part of its requests or its config.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// Ends the source after the first disconnection.
    pub(crate) is_once: bool,
    /// Dispatches an event at the end of the response without its blank line.
    pub(crate) takes_unfinished_event: bool,
    /// Accepts a response without `Content-Type`, or with a success status other than 200.
    pub(crate) takes_lenient_response: bool,
    pub(crate) refusal_limits: RefusalLimits,
    pub(crate) retry_policy: Option<RetryPolicy>,
}
