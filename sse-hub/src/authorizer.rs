//! Authorization of subscriptions.

use core::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::sync::Arc;

use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::TopicFilters;

/// Decides if a subscriber may receive the events that it selects.
///
/// The hub asks when the client subscribes, and again each time that the [`Grant`] expires. Create one authorizer for
/// each subscriber, with its token or session for example. A closure that takes a [`TopicFilters`] and returns a future
/// implements this trait.
///
/// ```
/// use sse_hub::{Denied, Grant, Hub, TopicFilters};
/// use std::time::Duration;
///
/// async fn may_read(user: &str, filter: &str) -> bool {
///     // A query to a database, for example.
/// #   user == "alice" && selector == "orders/17"
/// }
///
/// # tokio_test(async {
/// let hub = Hub::default();
/// let authority = |selection: TopicFilters| async move {
///     // Selectors may be patterns, such as `orders/**`.
///     for selector in &selection {
///         if !may_read("alice", filter.as_str()).await {
///             return Err(Denied::new(format!("{selector} is not yours")));
///         }
///     }
///     Ok(Grant::expires_in(Duration::from_secs(60)))
/// };
/// let subscriber = hub.subscription(TopicFilters::new(["orders/17"])?);
/// let subscription = subscriber.subscribe_authorized(authorizer).await?;
/// # drop(subscription);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// # fn tokio_test<T>(future: impl Future<Output = T>) -> T {
/// #     tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `Authorizer`",
    label = "cannot authorize subscriptions",
    note = "a closure takes the selection by value: `|selection: TopicFilters| async move {{ Ok(Grant::forever()) }}`"
)]
pub trait Authorizer: Send + Sync + 'static {
    /// Decides on a subscription.
    ///
    /// The subscriber receives nothing until the future is ready. If that takes longer than
    /// [`HubConfig::authorize_timeout`](crate::HubConfig::authorize_timeout), the subscriber is denied.
    fn ask(&self, filters: &TopicFilters) -> BoxFuture<'static, Result<Grant, Denied>>;
}

/// Passes a clone of the selection to the closure, so that its future can keep it. Cloning is cheap.
impl<F, A> Authorizer for F
where
    F: Fn(TopicFilters) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Grant, Denied>> + Send + 'static,
{
    fn ask(&self, filters: &TopicFilters) -> BoxFuture<'static, Result<Grant, Denied>> {
        Box::pin(self(filters.clone()))
    }
}

/// Future of an authority's answer. It is a denial if the answer takes longer than the timeout.
pub(crate) struct Question {
    answer: BoxFuture<'static, Result<Grant, Denied>>,
    timeout: Duration,
    /// Timer of the timeout. It starts only if the answer is not ready at once, so that an authority that does not
    /// wait needs no timer.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Question {
    pub(crate) fn ask(
        authorizer: &dyn Authorizer,
        filters: &TopicFilters,
        timeout: Duration,
    ) -> Self {
        Self {
            answer: authorizer.ask(filters),
            timeout,
            deadline: None,
        }
    }
}

impl Future for Question {
    type Output = Result<Grant, Denied>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Poll::Ready(answer) = this.answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        let timeout = this.timeout;
        let deadline = this
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        tracing::warn!(?timeout, "authority did not answer in time");
        Poll::Ready(Err(Denied::new("no answer from the authority in time")))
    }
}

/// Minimum duration of a grant, and so minimum time between two questions to an authority.
const MIN_GRANT: Duration = Duration::from_secs(1);

/// Permission to receive events, for a limited time or forever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    until: Option<Instant>,
}

impl Grant {
    /// Creates a grant that does not expire.
    pub fn forever() -> Self {
        Self { until: None }
    }

    /// Creates a grant that expires after this time. The hub asks the authority again then.
    ///
    /// A grant lasts at least 1 s, so that an authority that grants no time is not asked in a tight loop.
    pub fn expires_in(time: Duration) -> Self {
        Self {
            until: Instant::now().checked_add(time),
        }
    }
}

/// Denial of a subscription, with a reason that is sent to the client.
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

/// Check of one subscription's grant, which asks the authority again when the grant expires.
pub(crate) struct Guard {
    authorizer: Arc<dyn Authorizer>,
    timeout: Duration,
    state: State,
}

enum State {
    Granted(Option<Pin<Box<Sleep>>>),
    Asking(Question),
}

impl Guard {
    pub(crate) fn new(authorizer: Arc<dyn Authorizer>, timeout: Duration, grant: Grant) -> Self {
        Self {
            authorizer,
            timeout,
            state: State::new(grant),
        }
    }

    /// Returns ready with `Ok` while the subscriber may receive events, and with the denial when it may not any more.
    /// Pending while the authority decides.
    pub(crate) fn poll(
        &mut self,
        filters: &TopicFilters,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Denied>> {
        loop {
            match &mut self.state {
                State::Granted(None) => return Poll::Ready(Ok(())),
                State::Granted(Some(expiry)) => match expiry.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Ready(Ok(())),
                    Poll::Ready(()) => {
                        let question = Question::ask(&*self.authorizer, filters, self.timeout);
                        self.state = State::Asking(question);
                    }
                },
                State::Asking(question) => match ready!(Pin::new(question).poll(cx)) {
                    Ok(grant) => self.state = State::new(grant),
                    Err(denied) => return Poll::Ready(Err(denied)),
                },
            }
        }
    }
}

impl State {
    fn new(grant: Grant) -> Self {
        let first = Instant::now() + MIN_GRANT;
        let until = grant.until.map(|until| until.max(first));
        Self::Granted(until.map(|until| Box::pin(sleep_until(until))))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}
