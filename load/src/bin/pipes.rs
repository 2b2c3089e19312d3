//! Runs the hub on hyper with more subscribers than a process may have open files. Connections are in memory. They
//! accept all written bytes at once, and otherwise behave like sockets.
//!
//! With `--event-loop`, it holds subscribers as the event loop of sse-reactor does, without their sockets.
//!
//! The program prints `empty`, `full` and `left`: the resident bytes before, with, and after all subscribers. It prints
//! `bursts` and `singles`: the nanoseconds per event, 16 at once and one by one.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Parser;
use futures_core::Stream;
use hyper::{
    rt::{Read, ReadBufCursor, Write},
    server::conn::http1,
    service::service_fn,
};
use load::{
    commands::{END_MARK, Publish, text},
    process::ProcStat,
    samples::Samples,
};
use rustix::time::{ClockId, clock_gettime};
use sse_hub::{Encoded, Hub, HubConfig, Retention, Subscription, TopicFilters};
use sse_hyper::StreamTracker;
use tokio::{
    runtime,
    task::{AbortHandle, yield_now},
    time::sleep,
};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const REQUEST: &[u8] = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// Length of a text in bytes.
const TEXT_LENGTH: usize = 100;

/// Number of events in the log, which stay in memory after the subscribers leave.
const LOG_EVENTS: usize = 1000;

/// Time after which the allocator has returned the freed memory.
const DECAY_TIME: Duration = Duration::from_millis(2500);

/// Serves subscribers in this process.
#[derive(Debug, Parser)]
struct Arguments {
    /// Number of subscribers.
    #[arg(long)]
    subscribers: u64,
    /// Hold the subscribers as the event loop does, and not in connections of hyper.
    #[arg(long)]
    event_loop: bool,
    /// Time for bursts and for single events, in milliseconds each.
    #[arg(long, default_value_t = 3000)]
    time: u64,
}

fn main() -> Result<()> {
    let Arguments {
        subscribers,
        event_loop,
        time,
    } = Arguments::parse();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut retention = Retention::default();
        retention.events = LOG_EVENTS;
        let all = InMemorySubscribers {
            hub: Hub::new(HubConfig::new().retention(retention)),
            ..InMemorySubscribers::default()
        };
        println!("empty {}", memory()?);
        let members = match event_loop {
            true => vec![all.hold(subscribers)?],
            false => all.connect(subscribers).await,
        };
        yield_now().await;
        println!("full {}", memory()?);
        for (name, events) in [("bursts", 16), ("singles", 1)] {
            let samples = all
                .publish(subscribers, events, Duration::from_millis(time))
                .await?;
            println!("{name} {:.0}", 1e9 / samples.rate());
        }
        members.iter().for_each(AbortHandle::abort);
        drop(members);
        yield_now().await;
        sleep(DECAY_TIME).await;
        println!("left {}", memory()?);
        Ok(())
    })
}

fn memory() -> Result<u64> {
    Ok(ProcStat(process::id()).memory()?.now)
}

#[derive(Default)]
struct InMemorySubscribers {
    hub: Hub,
    streams: StreamTracker,
    received: Arc<Received>,
}

/// Counters of all subscribers together.
#[derive(Default)]
struct Received {
    writes: AtomicU64,
    events: AtomicU64,
}

impl Received {
    fn add(&self, bytes: &[u8]) {
        let events = memchr::memchr_iter(END_MARK, bytes).count() as u64;
        self.events.fetch_add(events, Relaxed);
        self.writes.fetch_add(1, Relaxed);
    }
}

impl InMemorySubscribers {
    /// Connects this number of subscribers, and waits until each has received the head of its response.
    async fn connect(&self, subscribers: u64) -> Vec<AbortHandle> {
        let mut members = Vec::new();
        for _ in 0..subscribers {
            let (hub, streams) = (self.hub.clone(), self.streams.clone());
            let service = service_fn(move |request| {
                let subscription = hub.subscribe(TopicFilters::all(), None);
                let response =
                    subscription.map(|subscription| streams.respond(&request, subscription));
                async { response }
            });
            let pipe = Pipe {
                has_asked: false,
                received: Arc::clone(&self.received),
            };
            let connection = http1::Builder::new()
                .writev(false)
                .serve_connection(pipe, service);
            members.push(tokio::spawn(connection).abort_handle());
            yield_now().await;
        }
        while self.received.writes.load(Relaxed) < subscribers {
            yield_now().await;
        }
        members
    }

    /// Subscribes this number of subscribers, whose events one task takes.
    fn hold(&self, subscribers: u64) -> Result<AbortHandle> {
        let mut streams = Vec::with_capacity(subscribers as usize);
        for _ in 0..subscribers {
            let subscription = self.hub.subscribe(TopicFilters::all(), None)?;
            let waker = Waker::noop().clone();
            let events = HubEvents {
                subscription,
                waker,
            };
            streams.push(self.streams.frames(events, Instant::now()));
        }
        let received = Arc::clone(&self.received);
        let all = poll_fn(move |cx| {
            let now = Instant::now();
            for stream in &mut streams {
                let mut stream = Pin::new(stream);
                if let Some(events) = stream.as_mut().events_mut() {
                    events.get_mut().waker.clone_from(cx.waker());
                }
                while let Poll::Ready(Some(frame)) = stream.as_mut().poll_frame(now, cx) {
                    received.add(&frame);
                }
            }
            Poll::<()>::Pending
        });
        Ok(tokio::spawn(all).abort_handle())
    }

    /// Publishes bursts of `events` for this time. Each burst waits until all subscribers have received the last one.
    async fn publish(&self, subscribers: u64, events: u64, time: Duration) -> Result<Samples> {
        let start = Instant::now();
        let mut samples = Samples::default();
        let mut number = 0;
        // At least three samples, because the caches are cold for the first one.
        while samples.count() < 3 || start.elapsed() < time {
            let texts = (number..number + events).map(|number| text(number, TEXT_LENGTH));
            let texts: Vec<_> = texts.collect();
            number += events;
            let all = self.received.events.load(Relaxed) + subscribers * events;
            let (begun, before) = (Instant::now(), cpu_time());
            Publish::publish(&self.hub, texts);
            while self.received.events.load(Relaxed) < all {
                yield_now().await;
            }
            samples.add(
                (subscribers * events) as f64,
                cpu_time() - before,
                begun.elapsed(),
            );
        }
        let right = self.hub.stats().delivered == self.received.events.load(Relaxed);
        right
            .then_some(samples)
            .context("a subscriber did not receive each event once")
    }
}

/// Returns the processor time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Events of a subscriber, with the waker that all of them share.
struct HubEvents {
    subscription: Subscription,
    waker: Waker,
}

impl Stream for HubEvents {
    type Item = Encoded;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let this = self.get_mut();
        this.subscription.poll_events(cx, &this.waker)
    }
}

/// Connection in memory, which sends one request and accepts all written bytes.
struct Pipe {
    has_asked: bool,
    received: Arc<Received>,
}

impl Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_asked {
            return Poll::Pending;
        }
        self.has_asked = true;
        buffer.put_slice(REQUEST);
        Poll::Ready(Ok(()))
    }
}

impl Write for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.received.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
