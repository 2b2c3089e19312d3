//! State that the streams of a server share, and the membership of one stream.

use core::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Waker},
};
use std::sync::{Arc, OnceLock};

use pin_project_lite::pin_project;
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{CloseEvent, StreamConfig};

/// State that all streams of a server share.
pub(crate) struct Shared {
    config: StreamConfig,
    open: AtomicUsize,
    /// Set by `close`.
    close_event: OnceLock<CloseEvent>,
    closed: Arc<Notify>,
}

impl Shared {
    pub(crate) fn new(config: StreamConfig) -> Self {
        Self {
            config,
            open: AtomicUsize::new(0),
            close_event: OnceLock::new(),
            closed: Arc::default(),
        }
    }

    pub(crate) fn config(&self) -> &StreamConfig {
        &self.config
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn close_event(&self) -> Option<&CloseEvent> {
        self.close_event.get()
    }

    /// Sets the close event and wakes all streams. Only the first call counts.
    pub(crate) fn close(&self, close_event: CloseEvent) {
        if self.close_event.set(close_event).is_ok() {
            self.closed.notify_waiters();
        }
    }
}

pin_project! {
    /// Membership of one stream in the streams of a server.
    pub(crate) struct Member {
        place: Place,
        // Created together with the member, so that no call of `close` is missed.
        #[pin]
        closed: OwnedNotified,
        // Waker that `close` wakes. To register the same waker again would take a lock that all
        // streams share.
        waker: Option<Waker>,
    }
}

/// Guard that counts as an open stream until it is dropped.
struct Place(Arc<Shared>);

impl Member {
    pub(crate) fn new(streams: &Arc<Shared>) -> Self {
        let shared = Arc::clone(streams);
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self {
            closed: Arc::clone(&shared.closed).notified_owned(),
            place: Place(shared),
            waker: None,
        }
    }

    pub(crate) fn config(&self) -> &StreamConfig {
        &self.place.0.config
    }

    /// Returns the close event, or `None` before `close`.
    pub(crate) fn close_event(&self) -> Option<&CloseEvent> {
        self.place.0.close_event()
    }

    /// Returns the close event, or registers the task to be woken by `close`.
    pub(crate) fn poll_closed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<&CloseEvent> {
        let this = self.project();
        let close_event = &this.place.0.close_event;
        if close_event.get().is_none()
            && this
                .waker
                .as_ref()
                .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            // The result is not needed: if it is ready, the close event is set.
            let _ = this.closed.poll(cx);
            *this.waker = Some(cx.waker().clone());
        }
        close_event.get()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
