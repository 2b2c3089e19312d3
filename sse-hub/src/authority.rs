//! Who may hear what, and for how long.

use core::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::sync::Arc;

use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Selection;

/// Says whether a subscriber may hear of what it selects: when it comes, and again each time that what
/// was granted expires.
///
/// One is made for each subscriber, with what is known of it: a token, a session. A closure will do.
///
/// ```
/// use sse_hub::{Denied, Grant, Hub, Selection};
/// use std::time::Duration;
///
/// # tokio_test(async {
/// let hub = Hub::default();
/// let token = "from the request".to_owned();
/// let authority = move |_: &Selection| {
///     let is_valid = token.starts_with("from");
///     async move {
///         if is_valid {
///             Ok(Grant::for_time(Duration::from_secs(60)))
///         } else {
///             Err(Denied::new("the token has expired"))
///         }
///     }
/// };
/// let subscriber = hub.subscriber(Selection::new(["orders/17"])?);
/// let subscription = subscriber.subscribe_if(authority).await?;
/// # drop(subscription);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// # fn tokio_test<T>(future: impl Future<Output = T>) -> T {
/// #     tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
/// # }
/// ```
pub trait Authority: Send + Sync + 'static {
    /// Asks. Until it answers, the subscriber hears nothing.
    fn ask(&self, selection: &Selection) -> BoxFuture<'static, Result<Grant, Denied>>;
}

impl<F, A> Authority for F
where
    F: Fn(&Selection) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Grant, Denied>> + Send + 'static,
{
    fn ask(&self, selection: &Selection) -> BoxFuture<'static, Result<Grant, Denied>> {
        Box::pin(self(selection))
    }
}

/// The shortest time between two questions to an authority.
const MIN_GRANT: Duration = Duration::from_secs(1);

/// For how long a subscriber may listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    until: Option<Instant>,
}

impl Grant {
    /// As long as it likes.
    pub fn forever() -> Self {
        Self { until: None }
    }

    /// Grants this time from now on. After it, the authority is asked again.
    ///
    /// A subscriber may always listen for at least 1 s after a grant, so that an authority that grants
    /// no time is not asked without end.
    pub fn for_time(time: Duration) -> Self {
        Self {
            until: Instant::now().checked_add(time),
        }
    }
}

/// The authority says no, and why: the client will read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    reason: String,
}

impl Denied {
    /// For this reason. Any text will do.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    /// The reason.
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

/// Stands before one subscription.
pub(crate) struct Guard {
    authority: Arc<dyn Authority>,
    state: State,
}

enum State {
    Granted(Option<Pin<Box<Sleep>>>),
    Asking(BoxFuture<'static, Result<Grant, Denied>>),
}

impl Guard {
    pub(crate) fn new(authority: Arc<dyn Authority>, grant: Grant) -> Self {
        Self {
            authority,
            state: State::new(grant),
        }
    }

    /// Ready if the subscriber may listen, or with why it may not any more.
    pub(crate) fn poll(
        &mut self,
        selection: &Selection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Denied>> {
        loop {
            match &mut self.state {
                State::Granted(None) => return Poll::Ready(Ok(())),
                State::Granted(Some(expiry)) => match expiry.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Ready(Ok(())),
                    Poll::Ready(()) => {
                        self.state = State::Asking(self.authority.ask(selection));
                    }
                },
                State::Asking(answer) => match ready!(answer.as_mut().poll(cx)) {
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
