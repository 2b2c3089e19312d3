//! A well-behaved publisher and subscriber of the hub, which measure the effect of an attack on the hub.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use sse_source::{EventSource, Item};
use testkit::timeout::test_timeout;
use tokio::{
    net::TcpStream,
    runtime,
    time::{Instant, sleep, timeout},
};

/// Time between two events.
const EVENT_INTERVAL: Duration = Duration::from_millis(20);

/// A publisher and a subscriber in their own thread.
pub(super) struct Neighbour {
    is_ended: Arc<AtomicBool>,
    thread: JoinHandle<Result<Latency>>,
}

/// Times from publishing an event to receiving it.
#[derive(Debug, Default)]
pub(super) struct Latency {
    times: Vec<Duration>,
}

impl Neighbour {
    /// Starts to publish and to subscribe.
    pub(super) fn start(address: SocketAddr, token: &str) -> Self {
        let is_ended = Arc::new(AtomicBool::default());
        let (ended, token) = (Arc::clone(&is_ended), token.to_owned());
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(watch(address, &token, &ended))
        });
        Self { is_ended, thread }
    }

    /// Stops, and returns the latencies since the start.
    pub(super) fn stop(self) -> Result<Latency> {
        self.is_ended.store(true, Ordering::Relaxed);
        let result = self.thread.join();
        result.map_err(|_| anyhow!("the neighbour panicked"))?
    }
}

impl Latency {
    /// Returns the time within which `percent` of the events arrived.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let index = (self.times.len() * percent).div_ceil(100).saturating_sub(1);
        self.times.get(index).copied().unwrap_or_default()
    }

    pub(super) fn max(&self) -> Duration {
        self.percentile(100)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, most, max] =
            [50, 99, 100].map(|percent| self.percentile(percent).as_secs_f64() * 1e3);
        let events = self.times.len();
        write!(f, "{events:4} events, {median:5.1} {most:6.1} {max:7.1} ms")
    }
}

/// Publishes numbered events and receives each, once and in order, until `is_ended` is set.
async fn watch(address: SocketAddr, token: &str, is_ended: &AtomicBool) -> Result<Latency> {
    let uri = format!("http://{address}/events?topic=neighbour");
    let mut source = EventSource::get(uri).build()?;
    match next(&mut source).await? {
        Item::Open(_) => {}
        item => bail!("received {item:?} instead of a response"),
    }
    let mut publisher = Publisher::connect(address, token).await?;
    let mut latency = Latency::default();
    for number in 0.. {
        if is_ended.load(Ordering::Relaxed) {
            break;
        }
        let start = Instant::now();
        publisher.publish(&number.to_string()).await?;
        loop {
            match next(&mut source).await? {
                // The hub also sends its position.
                Item::Event(event) if event.event_type == "position" => {}
                Item::Event(event) => {
                    let is_expected = event.data == number.to_string();
                    ensure!(
                        is_expected,
                        "received event {} instead of {number}",
                        event.data
                    );
                    break;
                }
                Item::Comment(_) | Item::Retry(_) => {}
                item => bail!("received {item:?} instead of event {number}"),
            }
        }
        latency.times.push(start.elapsed());
        sleep(EVENT_INTERVAL).await;
    }
    latency.times.sort_unstable();
    Ok(latency)
}

async fn next(source: &mut EventSource) -> Result<Item> {
    let item = timeout(test_timeout(), source.next()).await;
    let item = item.context("the subscriber receives nothing")?;
    Ok(item.context("the subscriber's stream ended")??)
}

/// Connection of the publisher.
struct Publisher {
    requests: SendRequest<Full<Bytes>>,
    authorization: String,
}

impl Publisher {
    async fn connect(address: SocketAddr, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            requests,
            authorization: format!("Bearer {token}"),
        })
    }

    async fn publish(&mut self, data: &str) -> Result<()> {
        let request = Request::post("/publish?topic=neighbour")
            .header(header::HOST, "127.0.0.1")
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::CONTENT_TYPE, "text/plain")
            .body(Full::from(data.to_owned()))?;
        let answer = async {
            self.requests.ready().await?;
            let response = self.requests.send_request(request).await?;
            let status = response.status();
            response.into_body().collect().await?;
            Ok::<_, hyper::Error>(status)
        };
        let status = timeout(test_timeout(), answer).await;
        let status = status.context("the publisher gets no answer")??;
        ensure!(
            status == StatusCode::OK,
            "the publisher received status {status}"
        );
        Ok(())
    }
}
