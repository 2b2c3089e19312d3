//! State that the streams of a server share, and the membership of one stream.

use core::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Waker},
};
use std::sync::{Arc, OnceLock};

use pin_project_lite::pin_project;
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{Farewell, Settings};

/// State that all streams of a server share.
pub(crate) struct Shared {
    settings: Settings,
    open: AtomicUsize,
    /// Set by `close`.
    farewell: OnceLock<Farewell>,
    closed: Arc<Notify>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            open: AtomicUsize::new(0),
            farewell: OnceLock::new(),
            closed: Arc::default(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn farewell(&self) -> Option<&Farewell> {
        self.farewell.get()
    }

    /// Sets the farewell and wakes all streams. Only the first call counts.
    pub(crate) fn close(&self, farewell: Farewell) {
        if self.farewell.set(farewell).is_ok() {
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

    pub(crate) fn settings(&self) -> &Settings {
        &self.place.0.settings
    }

    /// Returns the farewell, or `None` before `close`.
    pub(crate) fn farewell(&self) -> Option<&Farewell> {
        self.place.0.farewell()
    }

    /// Returns the farewell, or registers the task to be woken by `close`.
    pub(crate) fn poll_closed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<&Farewell> {
        let this = self.project();
        let farewell = &this.place.0.farewell;
        if farewell.get().is_none()
            && this
                .waker
                .as_ref()
                .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            // The result is not needed: if it is ready, the farewell is set.
            let _ = this.closed.poll(cx);
            *this.waker = Some(cx.waker().clone());
        }
        farewell.get()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
