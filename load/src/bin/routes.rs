//! Routes events in a hub with very many topics or patterns, without sockets.
//!
//! The program prints `empty`, `full` and `left`: the resident bytes before, with, and after all subscribers. In
//! nanoseconds of processor time, it prints:
//!
//! - `subscribe` and `leave`: time for each subscriber.
//! - `new` and `known`: median time of an event of a new topic, and of one that was published before.
//! - `turn`: 99th percentile of the longest time for which such a publication keeps its thread.
//! - `naive`: median time to try the matchers of all subscribers on a topic.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::{
    pin::pin,
    process,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use clap::Parser;
use load::{
    commands::text,
    mercure::{routing::Shape, token::HUB_URL},
    process::ProcStat,
};
use rustix::time::{ClockId, clock_gettime};
use sse_hub::{Event, Hub, HubConfig, Retention, Subscription, TopicFilter};
use sse_mercure::{HubUrl, Limits, Matchers};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Length of a text in bytes.
const TEXT_LENGTH: usize = 100;

/// Number of events in the log, which stay in memory after the subscribers leave.
const LOG_EVENTS: usize = 1000;

/// Number of topics that are published again: fewer than the hub keeps results for.
const KNOWN_TOPICS: usize = 1000;

/// Maximum number of events for which all matchers are tried.
const MAX_NAIVE_EVENTS: usize = 200;

/// Time after which the allocator has returned the freed memory.
const DECAY_TIME: Duration = Duration::from_millis(2500);

/// Routes events in this process.
#[derive(Debug, Parser)]
struct Arguments {
    /// Shape of the matchers.
    #[arg(long, value_enum)]
    shape: Shape,
    /// Number of subscribers, each with its own matcher.
    #[arg(long)]
    subscribers: usize,
    /// Number of events for each time.
    #[arg(long)]
    events: usize,
}

fn main() -> Result<()> {
    let Arguments {
        shape,
        subscribers,
        events,
    } = Arguments::parse();
    let matchers = Matchers::new(HubUrl::new(HUB_URL)?);
    let mut routes = Routes::new(shape, &matchers);
    println!("empty {}", memory()?);
    let (subscribed, time) = timed(|| routes.subscribe(subscribers, &matchers));
    subscribed?;
    println!("subscribe {}", each(time, subscribers));
    println!("full {}", memory()?);
    let mut new = Vec::new();
    let mut known = Vec::new();
    for event in 0..events {
        // Each event has a new topic, if the matcher is a pattern.
        new.push(routes.publish(event % subscribers, event)?);
    }
    let topics = KNOWN_TOPICS.min(subscribers);
    for event in 0..events + topics {
        let publication = routes.publish(event % topics, 0)?;
        // The first round of these topics may be new.
        if event >= topics {
            known.push(publication);
        }
    }
    println!("new {}", median(new.iter().map(|time| time.all)));
    println!("known {}", median(known.iter().map(|time| time.all)));
    let turns = new.iter().chain(&known).map(|time| time.longest_turn);
    println!("turn {}", percentile(turns, 99));
    println!("naive {}", routes.naive(events.min(MAX_NAIVE_EVENTS))?);
    let (hub, subscriptions) = (routes.hub, routes.subscriptions);
    let (_, time) = timed(|| drop(subscriptions));
    println!("leave {}", each(time, subscribers));
    drop((routes.filters, matchers));
    thread::sleep(DECAY_TIME);
    println!("left {}", memory()?);
    drop(hub);
    Ok(())
}

fn memory() -> Result<u64> {
    Ok(ProcStat(process::id()).memory()?.now)
}

/// Hub with its subscribers.
struct Routes {
    shape: Shape,
    hub: Hub,
    filters: Vec<TopicFilter>,
    subscriptions: Vec<Subscription>,
    /// Number of events up to now.
    events: u64,
}

/// Processor times of a publication, in nanoseconds.
struct PublicationTime {
    all: u64,
    /// Longest time without a return to the runtime.
    longest_turn: u64,
}

impl Routes {
    fn new(shape: Shape, matchers: &Matchers) -> Self {
        let config = HubConfig::new()
            .retention(Retention::new().events(LOG_EVENTS))
            .control_events(false)
            .pattern_key(matchers.pattern_key());
        Self {
            shape,
            hub: Hub::new(config),
            filters: Vec::new(),
            subscriptions: Vec::new(),
            events: 0,
        }
    }

    fn subscribe(&mut self, subscribers: usize, matchers: &Matchers) -> Result<()> {
        let limits = Limits::default();
        self.filters.reserve_exact(subscribers);
        self.subscriptions.reserve_exact(subscribers);
        for subscriber in 0..subscribers {
            let (matcher_type, value) = self.shape.matcher(subscriber);
            let matcher = matchers.compile(matcher_type, &value, &limits)?;
            let subscription = self.hub.subscribe(matcher.filter().clone(), None)?;
            self.filters.push(matcher.filter().clone());
            self.subscriptions.push(subscription);
        }
        Ok(())
    }

    /// Publishes an event that one subscriber receives.
    fn publish(&mut self, subscriber: usize, number: usize) -> Result<PublicationTime> {
        let topic = self.shape.topic(subscriber, number)?;
        let event = Event::new(text(self.events, TEXT_LENGTH));
        self.events += 1;
        let mut cx = Context::from_waker(Waker::noop());
        let mut time = PublicationTime {
            all: 0,
            longest_turn: 0,
        };
        let mut publish = pin!(self.hub.publish((topic, event)));
        let published = loop {
            let (poll, turn) = timed(|| publish.as_mut().poll(&mut cx));
            time.all += turn;
            time.longest_turn = time.longest_turn.max(turn);
            if let Poll::Ready(published) = poll {
                break published;
            }
        };
        published?;
        let subscription = &mut self.subscriptions[subscriber];
        while subscription.poll_events(&mut cx, Waker::noop()).is_ready() {}
        let delivered = self.hub.stats().delivered;
        ensure!(
            delivered == self.events,
            "{delivered} deliveries of {} events",
            self.events
        );
        Ok(time)
    }

    /// Returns the median time to try all matchers on a topic.
    fn naive(&self, events: usize) -> Result<u64> {
        let mut times = Vec::new();
        for event in 0..events {
            let topic = self.shape.topic(event, event)?;
            let (found, time) = timed(|| {
                let matching = self.filters.iter().filter(|filter| filter.matches(&topic));
                matching.count()
            });
            ensure!(found == 1, "{found} matchers match {topic}");
            times.push(time);
        }
        Ok(median(times.into_iter()))
    }
}

/// Returns the result of the work, and its processor time in nanoseconds.
fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = cpu_time();
    let result = work();
    (result, (cpu_time() - start).as_nanos() as u64)
}

/// Returns the processor time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn each(nanoseconds: u64, subscribers: usize) -> u64 {
    nanoseconds / subscribers.max(1) as u64
}

fn median(times: impl Iterator<Item = u64>) -> u64 {
    percentile(times, 50)
}

fn percentile(times: impl Iterator<Item = u64>, percent: usize) -> u64 {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    let index = times.len() * percent / 100;
    times.get(index).copied().unwrap_or_default()
}
