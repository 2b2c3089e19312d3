use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use pin_project_lite::pin_project;

/// Returns a stream of the events up to the first error, and passes that error to the hook.
///
/// The server cannot report the error to the client, because the status is already sent. So the stream ends after
/// the last whole event, and the client reconnects.
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use sse_hyper::{Event, until_error};
///
/// let feed = stream::iter([Ok(Event::new("a")), Err("the database is gone"), Ok(Event::new("b"))]);
/// let events = until_error(feed, |error| eprintln!("events: {error}"));
/// # let events = futures_executor::block_on(events.map(|event| event.data().to_owned()).collect::<Vec<_>>());
/// # assert_eq!(events, ["a"]);
/// ```
pub fn until_error<S, T, E, F>(results: S, hook: F) -> UntilError<S, F>
where
    S: Stream<Item = Result<T, E>>,
    F: FnOnce(E),
{
    UntilError {
        results: Some(results),
        hook: Some(hook),
    }
}

pin_project! {
    /// Stream that [`until_error`] returns.
    pub struct UntilError<S, F> {
        #[pin]
        results: Option<S>,
        hook: Option<F>,
    }
}

impl<S, T, E, F> Stream for UntilError<S, F>
where
    S: Stream<Item = Result<T, E>>,
    F: FnOnce(E),
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        let Some(results) = this.results.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        match ready!(results.poll_next(cx)) {
            Some(Ok(event)) => return Poll::Ready(Some(event)),
            Some(Err(error)) => {
                if let Some(hook) = this.hook.take() {
                    hook(error);
                }
            }
            None => {}
        }
        this.results.set(None);
        Poll::Ready(None)
    }
}

impl<S, F> fmt::Debug for UntilError<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilError")
            .field("ended", &self.results.is_none())
            .finish_non_exhaustive()
    }
}
