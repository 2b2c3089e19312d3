//! Authorization of a subscription: the answer of its authorizer, and the grant that may expire.

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::sync::Arc;

use futures_core::future::BoxFuture;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::{Authorizer, Denied, Grant, TopicFilters};

/// Future of an authorizer's answer. It is a denial if the answer takes longer than the timeout.
pub(crate) struct PendingAnswer {
    answer: BoxFuture<'static, Result<Grant, Denied>>,
    timeout: Duration,
    /// Timer of the timeout. It starts only if the answer is not ready at once, so that an authorizer that does not
    /// wait needs no timer.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl PendingAnswer {
    pub(crate) fn new(
        authorizer: &dyn Authorizer,
        filters: &TopicFilters,
        timeout: Duration,
    ) -> Self {
        Self {
            answer: authorizer.authorize(filters),
            timeout,
            deadline: None,
        }
    }
}

impl Future for PendingAnswer {
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
        tracing::warn!(?timeout, "authorizer did not answer in time");
        Poll::Ready(Err(Denied::new("no answer from the authorizer in time")))
    }
}

/// Minimum duration of a grant, and so minimum time between two requests to an authorizer.
const MIN_GRANT_DURATION: Duration = Duration::from_secs(1);

/// Check of one subscription's grant, which asks the authorizer again when the grant expires.
pub(crate) struct Authorization {
    authorizer: Arc<dyn Authorizer>,
    timeout: Duration,
    state: State,
}

enum State {
    Granted(Option<Pin<Box<Sleep>>>),
    Pending(PendingAnswer),
}

impl Authorization {
    pub(crate) fn new(authorizer: Arc<dyn Authorizer>, timeout: Duration, grant: Grant) -> Self {
        Self {
            authorizer,
            timeout,
            state: State::new(grant),
        }
    }

    /// Returns ready with `Ok` while the subscriber may receive events, and with the denial when it may not any more.
    /// Pending while the authorizer decides.
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
                        let answer = PendingAnswer::new(&*self.authorizer, filters, self.timeout);
                        self.state = State::Pending(answer);
                    }
                },
                State::Pending(answer) => match ready!(Pin::new(answer).poll(cx)) {
                    Ok(grant) => self.state = State::new(grant),
                    Err(denied) => return Poll::Ready(Err(denied)),
                },
            }
        }
    }
}

impl State {
    fn new(grant: Grant) -> Self {
        let first = Instant::now() + MIN_GRANT_DURATION;
        let until = grant.until.map(|until| until.max(first));
        Self::Granted(until.map(|until| Box::pin(sleep_until(until))))
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").finish_non_exhaustive()
    }
}
