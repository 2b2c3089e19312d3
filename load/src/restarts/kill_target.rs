//! Server that is killed. It sends the numbered events after the last event ID.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use bytes::Bytes;
use clap::Parser;
use fastrand::Rng;
use futures_util::stream;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE},
};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::time::sleep;

use super::{
    chunked_writer::{ChunkedWriter, random_chunks},
    sequenced::{START, Sequenced},
};
use crate::{program::number, servers::listen};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Serves numbered events on 127.0.0.1.
#[derive(Clone, Copy, Debug, Parser)]
pub struct Options {
    /// Port on 127.0.0.1.
    #[arg(long)]
    pub port: u16,
    /// Number of the last event. A client that has received it gets status 204.
    #[arg(long)]
    pub events: u64,
    /// Seed of the behaviour at the start, and of the sizes of writes.
    #[arg(long)]
    pub seed: u64,
}

/// Behaviour of the server at its start.
#[derive(Clone, Copy, Debug)]
enum Beginning {
    /// Serves at once.
    Well,
    /// Listens only after this time.
    Late(Duration),
    /// Answers 503.
    Busy,
    /// Ends streams after their heads.
    Brief,
}

/// Serves until the process is killed.
///
/// # Errors
///
/// Returns an error if the port is in use.
pub async fn serve(options: Options) -> Result<()> {
    let mut rng = Rng::with_seed(options.seed);
    let answers = Answers::new(options, &mut rng);
    if let Beginning::Late(time) = answers.beginning {
        sleep(time).await;
    }
    let listener = listen(options.port)?;
    loop {
        let (connection, _) = listener.accept().await?;
        // When the process is killed, the kernel ends the connection by RST or by FIN.
        if rng.bool() {
            connection.set_zero_linger()?;
        }
        let connection = TokioIo::new(ChunkedWriter::new(connection, rng.fork()));
        let answers = answers.clone();
        let service = service_fn(move |request| {
            let response = answers.respond(&request);
            async { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(async move {
            // It is not an error if a client disconnects.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(connection, service)
                .await;
        });
    }
}

/// Responses of the server.
#[derive(Clone, Debug)]
struct Answers {
    options: Options,
    beginning: Beginning,
    /// Number of responses for which the beginning lasts.
    left: Arc<AtomicU8>,
}

impl Answers {
    fn new(options: Options, rng: &mut Rng) -> Self {
        let beginning = match rng.u8(..10) {
            0 => Beginning::Late(Duration::from_millis(rng.u64(..150))),
            1 => Beginning::Busy,
            2 => Beginning::Brief,
            _ => Beginning::Well,
        };
        Self {
            options,
            beginning,
            left: Arc::new(AtomicU8::new(rng.u8(1..4))),
        }
    }

    fn respond(&self, request: &Request<Incoming>) -> Response<Body> {
        let Options { events, seed, .. } = self.options;
        let id = request.headers().get("last-event-id");
        let seen = match id.map(|id| id.to_str().ok().and_then(number)) {
            None => 0,
            Some(Some(seen)) if (1..=events).contains(&seen) => seen,
            Some(_) => return status(StatusCode::BAD_REQUEST),
        };
        match self.beginning {
            Beginning::Busy if self.still_begins() => status(StatusCode::SERVICE_UNAVAILABLE),
            Beginning::Brief if self.still_begins() => {
                let mut response = event_stream([]);
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
                response
            }
            _ if seen == events => status(StatusCode::NO_CONTENT),
            _ => {
                let blocks = (seen + 1..=events).map(|number| Sequenced::new(number).wire);
                let blocks = [START.to_owned()].into_iter().chain(blocks);
                event_stream(random_chunks(blocks, Rng::with_seed(seed ^ seen)))
            }
        }
    }

    fn still_begins(&self) -> bool {
        let less = |left: u8| left.checked_sub(1);
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        left.is_ok()
    }
}

fn event_stream<I>(chunks: I) -> Response<Body>
where
    I: IntoIterator<Item = Bytes, IntoIter: Send + 'static>,
{
    let frames = chunks.into_iter().map(|chunk| Ok(Frame::data(chunk)));
    let body = StreamBody::new(stream::iter(frames)).boxed_unsync();
    let mut response = Response::new(body);
    let event_stream = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, event_stream);
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}
