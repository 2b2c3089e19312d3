//! Open stream: one task reads it, another posts its callbacks.

use std::time::Duration;

use futures_util::StreamExt;
use sse_source::{BoxError, EventSource, Handle};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{
    callback::{Callback, Poster},
    parameters::{Parameters, http_url},
};

/// Maximum number of callbacks that wait. When it is reached, the stream is not read.
const MAX_PENDING_CALLBACKS: usize = 256;

/// Maximum time that a closing stream waits for the response to the current callback.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Stream {
    source: Handle,
    /// Stops the posting task before the next callback when it is dropped.
    release: oneshot::Sender<()>,
    posting: JoinHandle<()>,
}

impl Stream {
    pub(super) fn start(parameters: Parameters) -> Result<Self, BoxError> {
        let source = parameters.open()?;
        let callback_url = http_url("callbackUrl", &parameters.callback_url)?.to_string();
        let poster = Poster::new(&callback_url, parameters.tag);
        let handle = source.handle();
        let (sender, receiver) = mpsc::channel(MAX_PENDING_CALLBACKS);
        let (release, stopped) = oneshot::channel();
        tokio::spawn(read(source, sender));
        Ok(Self {
            source: handle,
            release,
            posting: tokio::spawn(post(receiver, poster, stopped)),
        })
    }

    /// Makes the stream reconnect at once.
    pub(super) fn restart(&self) {
        self.source.reconnect();
    }

    /// Closes the stream. No callback is posted after this.
    pub(super) async fn close(mut self) {
        self.source.close();
        drop(self.release);
        if timeout(CLOSE_TIMEOUT, &mut self.posting).await.is_err() {
            self.posting.abort();
            _ = self.posting.await;
        }
    }
}

async fn read(mut source: EventSource, callbacks: mpsc::Sender<Callback>) {
    while let Some(item) = source.next().await {
        if let Some(callback) = Callback::from_item(item)
            && callbacks.send(callback).await.is_err()
        {
            return;
        }
    }
}

async fn post(
    mut callbacks: mpsc::Receiver<Callback>,
    mut poster: Poster,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        let callback = tokio::select! {
            biased;
            _ = &mut stopped => return,
            callback = callbacks.recv() => callback,
        };
        match callback {
            Some(callback) => poster.post(&callback).await,
            None => return,
        }
    }
}
