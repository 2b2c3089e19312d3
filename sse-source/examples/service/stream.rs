//! A stream that runs: one task reads it, another posts what came.

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

/// How many callbacks may wait before the stream is not read any more.
const BACKLOG: usize = 256;

/// How long it waits, when it is closed, for an answer to the callback that is under way.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Stream {
    source: Handle,
    /// Dropped, it has the posting stop before the next callback.
    go_on: oneshot::Sender<()>,
    posting: JoinHandle<()>,
}

impl Stream {
    pub(super) fn start(parameters: Parameters) -> Result<Self, BoxError> {
        let source = parameters.open()?;
        let callback_url = http_url("callbackUrl", &parameters.callback_url)?.to_string();
        let poster = Poster::new(&callback_url, parameters.tag);
        let handle = source.handle();
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let (go_on, stopped) = oneshot::channel();
        tokio::spawn(read(source, sender));
        Ok(Self {
            source: handle,
            go_on,
            posting: tokio::spawn(post(receiver, poster, stopped)),
        })
    }

    /// Connects again at once.
    pub(super) fn restart(&self) {
        self.source.reconnect();
    }

    /// After this no callback is posted any more.
    pub(super) async fn close(mut self) {
        self.source.close();
        drop(self.go_on);
        if timeout(PATIENCE, &mut self.posting).await.is_err() {
            self.posting.abort();
            _ = self.posting.await;
        }
    }
}

async fn read(mut source: EventSource, callbacks: mpsc::Sender<Callback>) {
    while let Some(item) = source.next().await {
        if let Some(callback) = Callback::of(item)
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
