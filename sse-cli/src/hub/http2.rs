//! Connection of HTTP/2, and its limits.
//!
//! # A note to the next reader
//!
//! The write timeout of the socket does not see a client that reads the connection, but gives one stream no window.
//! hyper then does not poll the body of the response. So each task of a stream knows when its body has returned a
//! frame ([`StreamBody`]), and ends if hyper does not come back for the next one ([`StreamTasks`]).

use core::{
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::Service};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::hub::{
    connection::HEAD_TIMEOUT,
    connections::{ConnectionLimits, MAX_HEAD_BYTES},
    response::Body,
};

/// Maximum number of requests of a connection that are in progress.
const MAX_STREAMS: u32 = 250;

/// Maximum number of bytes of a response that wait in the connection until the next frame of its body has to wait.
const STREAM_BUFFER_BYTES: usize = 16 * 1024;

/// Window of the body of a request in bytes.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;

/// Window of all bodies of a connection in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;

/// Maximum interval of the pings that detect a client that has vanished.
const MAX_PING_INTERVAL: Duration = Duration::from_secs(30);

/// Minimum of the interval and of the timeout of these pings.
const MIN_PING_TIME: Duration = Duration::from_millis(100);

/// Time for a client without streams to read its last bytes and close its connection after GOAWAY.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves a connection until its end. It ends after its streams when `closing` is cancelled.
pub(crate) async fn serve<Io, S>(
    io: Io,
    service: S,
    limits: &ConnectionLimits,
    closing: &CancellationToken,
) -> hyper::Result<()>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<StreamBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let tasks = StreamTasks::new(limits.write_timeout);
    let mut count = tasks.count.subscribe();
    let ping_interval = (limits.write_timeout / 2).clamp(MIN_PING_TIME, MAX_PING_INTERVAL);
    let ping_timeout = limits
        .write_timeout
        .saturating_sub(ping_interval)
        .max(MIN_PING_TIME);
    let connection = http2::Builder::new(tasks)
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .max_send_buf_size(STREAM_BUFFER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(ping_interval)
        .keep_alive_timeout(ping_timeout)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let mut is_going_away = false;
    let (mut first_timeout, mut idle_timeout) = (HEAD_TIMEOUT, limits.idle_timeout);
    loop {
        tokio::select! {
            result = &mut connection => return result,
            () = closing.cancelled(), if !is_going_away => {}
            () = idle(&mut count, first_timeout, idle_timeout) => {
                // The client may not answer that it has seen the end.
                if is_going_away {
                    return Ok(());
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        is_going_away = true;
        (first_timeout, idle_timeout) = (GOAWAY_TIMEOUT, GOAWAY_TIMEOUT);
    }
}

/// Waits until there was no stream for some time: for the first time, until the first stream begins, and for the second
/// one after each stream.
async fn idle(count: &mut watch::Receiver<usize>, first: Duration, then: Duration) {
    let mut max_time = first;
    loop {
        let has_changed = async |count: &mut watch::Receiver<usize>| count.changed().await.is_ok();
        let is_idle = *count.borrow_and_update() == 0;
        let change = match is_idle {
            true => timeout(max_time, has_changed(count)).await,
            false => Ok(has_changed(count).await),
        };
        // The sender lives as long as the connection.
        if change != Ok(true) {
            return;
        }
        max_time = then;
    }
}

/// Executor of hyper, which starts a task for each stream of a connection, and counts them.
#[derive(Clone)]
struct StreamTasks {
    count: Arc<watch::Sender<usize>>,
    write_timeout: Duration,
}

impl StreamTasks {
    fn new(write_timeout: Duration) -> Self {
        Self {
            count: Arc::new(watch::Sender::new(0)),
            write_timeout,
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamTasks {
    fn execute(&self, stream: F) {
        let open = OpenStream::new(&self.count);
        let progress = Progress::default();
        let stalled = progress.clone().stalled(self.write_timeout);
        let stream = PROGRESS.scope(progress, stream);
        tokio::spawn(async move {
            tokio::select! {
                () = stream => {}
                // hyper resets a stream whose task has ended.
                () = stalled => tracing::debug!("a stream has failed: its client gives it no window"),
            }
            drop(open);
        });
    }
}

/// Stream that is counted until this is dropped.
struct OpenStream {
    count: Arc<watch::Sender<usize>>,
}

impl OpenStream {
    fn new(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self {
            count: Arc::clone(count),
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}

tokio::task_local! {
    /// Progress of the stream of this task.
    static PROGRESS: Progress;
}

/// Time since which a frame of a stream waits to be sent.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<Option<Instant>>>);

impl Progress {
    fn waits_since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_waits_since(&self, time: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Completes when a frame has waited for this time.
    async fn stalled(self, max_time: Duration) {
        loop {
            match self.waits_since() {
                Some(time) if time.elapsed() >= max_time => return,
                Some(time) => sleep_until(time + max_time).await,
                None => sleep(max_time).await,
            }
        }
    }
}

/// Body of a response, which records whether its frames are sent.
pub(crate) struct StreamBody(Body);

impl StreamBody {
    pub(crate) fn new(body: Body) -> Self {
        Self(body)
    }
}

impl http_body::Body for StreamBody {
    type Data = <Body as http_body::Body>::Data;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        let waits_since = frame.is_ready().then(Instant::now);
        // There is no task of a stream while hyper drops the connection.
        let _ = PROGRESS.try_with(|progress| progress.set_waits_since(waits_since));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
