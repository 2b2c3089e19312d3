//! Handle of the event loop.

use core::{fmt, time::Duration};
use std::{io, sync::Arc, thread, time::Instant};

use bytes::Bytes;
use http::{Request, Response};
use sse_hub::Subscription;
use sse_hyper::{EventBody, StreamTracker};
use tokio::{net::TcpStream, runtime::Handle, sync::OwnedSemaphorePermit};

use crate::{
    ConnectionHandler,
    event_loop::{Command, Commands, EventLoop, SIGNALS},
    hand_off::{self, HubEvents},
    open_stream::{Events, OpenStream},
    signals::{Signals, Target},
};

/// Time after which a connection is closed if nothing can be written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Event loop that writes the events of a hub to the connections of its subscribers.
///
/// It has a thread of its own. This is a handle: clones refer to the same event loop.
///
/// [`respond`](Self::respond) creates a response, and [`serve_connection`](crate::serve_connection) hands its
/// connection to the event loop.
#[derive(Clone)]
pub struct Reactor {
    shared: Arc<Shared>,
}

struct Shared {
    signals: Arc<Signals>,
    commands: Arc<Commands>,
    tracker: StreamTracker,
}

impl Reactor {
    /// Starts an event loop whose streams belong to this tracker. It closes a connection if nothing can be written to
    /// it for 60 s.
    ///
    /// Call it in a tokio runtime with timers. The runtime runs the timers of the streams.
    ///
    /// # Errors
    ///
    /// If the system has no more file descriptors or threads.
    pub fn new(tracker: StreamTracker) -> io::Result<Self> {
        Self::with_write_timeout(tracker, WRITE_TIMEOUT)
    }

    /// Starts an event loop with another time after which a connection is closed if nothing can be written to it.
    ///
    /// # Errors
    ///
    /// If the system has no more file descriptors or threads.
    pub fn with_write_timeout(tracker: StreamTracker, write_timeout: Duration) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let signals = Arc::new(Signals::new(poll.registry(), SIGNALS)?);
        let commands = Arc::<Commands>::default();
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let event_loop = EventLoop::new(
            poll,
            Arc::clone(&signals),
            Arc::clone(&commands),
            write_timeout,
            runtime.clone(),
        );
        thread::Builder::new()
            .name("sse-reactor".to_owned())
            .spawn(move || {
                if let Err(error) = event_loop.run() {
                    tracing::error!(%error, "the event loop has failed");
                }
            })?;
        let closed = tracker.closed();
        let weak = Arc::downgrade(&signals);
        runtime.spawn(async move {
            closed.await;
            if let Some(signals) = weak.upgrade() {
                signals.push(Target::Closing);
            }
        });
        Ok(Self {
            shared: Arc::new(Shared {
                signals,
                commands,
                tracker,
            }),
        })
    }

    /// Returns the whole response to a request for the events of a hub.
    ///
    /// It is the response of [`StreamTracker::respond`]. If [`serve_connection`](crate::serve_connection) serves the
    /// request, it hands the connection to the event loop. If not, or if that is not possible, the body of the response
    /// sends the events.
    pub fn respond<B>(
        &self,
        request: &Request<B>,
        subscription: Subscription,
    ) -> Response<EventBody<HubEvents>> {
        hand_off::respond(&self.shared.tracker, request, subscription)
    }

    /// Continues a response after its head and its first comment.
    pub(crate) fn add(&self, stream: NewStream) -> io::Result<()> {
        let socket = stream.socket.into_std()?;
        let events = Events::new(stream.subscription);
        let tracker = &self.shared.tracker;
        let frames = match stream.is_gzip {
            #[cfg(feature = "gzip")]
            true => tracker.gzip_frames(events, Instant::now()),
            _ => tracker.frames(events, Instant::now()),
        };
        let stream = OpenStream::new(
            mio::net::TcpStream::from_std(socket),
            frames,
            stream.read_ahead,
            stream.closes,
            stream.handler,
            stream.permit,
        );
        self.shared.send(Command::Add(Box::new(stream)));
        Ok(())
    }
}

/// Response whose head and first comment are written.
pub(crate) struct NewStream {
    pub(crate) socket: TcpStream,
    pub(crate) subscription: Subscription,
    /// The rest of the response is compressed, as its beginning is.
    pub(crate) is_gzip: bool,
    pub(crate) read_ahead: Bytes,
    /// The connection ends with the stream.
    pub(crate) closes: bool,
    /// Gets the connection back after the stream.
    pub(crate) handler: Arc<dyn ConnectionHandler>,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

impl Shared {
    fn send(&self, command: Command) {
        self.commands.push(command);
        self.signals.push(Target::Commands);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.send(Command::Detach);
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("tracker", &self.shared.tracker)
            .finish_non_exhaustive()
    }
}
