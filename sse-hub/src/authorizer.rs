use core::{error::Error, fmt, time::Duration};

use futures_core::future::BoxFuture;
use tokio::time::Instant;

use crate::TopicFilters;

/// Decides if a client may receive the events that its topic filters match.
///
/// Pass it to [`SubscriptionBuilder::subscribe_authorized`](crate::SubscriptionBuilder::subscribe_authorized). The hub
/// asks it when the client subscribes, and again each time that the [`Grant`] expires. Create an authorizer for each
/// subscriber, with its token or session for example.
///
/// A closure that takes [`TopicFilters`] and returns a future implements this trait.
///
/// ```
/// use sse_hub::{Denied, Grant, Hub, TopicFilters};
/// use std::time::Duration;
///
/// async fn may_read(user: &str, filter: &str) -> bool {
///     // A query to a database, for example.
/// #   user == "alice" && filter == "orders/17"
/// }
///
/// # tokio_test(async {
/// let hub = Hub::default();
/// let authorizer = |filters: TopicFilters| async move {
///     // Filters may be patterns, such as `orders/**`.
///     for filter in &filters {
///         if !may_read("alice", filter.as_str()).await {
///             return Err(Denied::new(format!("{filter} is not yours")));
///         }
///     }
///     Ok(Grant::expires_in(Duration::from_secs(60)))
/// };
/// let orders = hub.subscription(TopicFilters::new(["orders/17"])?);
/// let subscription = orders.subscribe_authorized(authorizer).await?;
/// # drop(subscription);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// # fn tokio_test<T>(future: impl Future<Output = T>) -> T {
/// #     tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `Authorizer`",
    label = "cannot authorize subscriptions",
    note = "a closure takes the filters by value: `|filters: TopicFilters| async move {{ Ok(Grant::forever()) }}`"
)]
pub trait Authorizer: Send + Sync + 'static {
    /// Decides if a client may subscribe with these filters.
    ///
    /// The subscriber receives nothing until the future is ready. If that takes longer than
    /// [`HubConfig::authorize_timeout`](crate::HubConfig::authorize_timeout), the subscriber is denied.
    fn authorize(&self, filters: &TopicFilters) -> BoxFuture<'static, Result<Grant, Denied>>;
}

/// Passes a clone of the filters to the closure, so that its future can keep it. Cloning is cheap.
impl<F, A> Authorizer for F
where
    F: Fn(TopicFilters) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Grant, Denied>> + Send + 'static,
{
    fn authorize(&self, filters: &TopicFilters) -> BoxFuture<'static, Result<Grant, Denied>> {
        Box::pin(self(filters.clone()))
    }
}

/// Permission to receive events, for a limited time or forever. An [`Authorizer`] returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(crate) until: Option<Instant>,
}

impl Grant {
    /// Creates a grant that does not expire.
    pub fn forever() -> Self {
        Self { until: None }
    }

    /// Creates a grant that expires after this time. The hub asks the authorizer again then.
    ///
    /// A grant lasts at least 1 s, so that an authorizer that grants no time is not asked in a tight loop.
    pub fn expires_in(time: Duration) -> Self {
        Self {
            until: Instant::now().checked_add(time),
        }
    }
}

/// Denial of a subscription, with a reason that is sent to the client. An [`Authorizer`] returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    reason: String,
}

impl Denied {
    /// Creates a denial with this reason. Any text is allowed.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    /// Returns the reason.
    pub fn into_reason(self) -> String {
        self.reason
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl Error for Denied {}
