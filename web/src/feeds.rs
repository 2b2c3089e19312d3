//! The four feeds: the time, stock prices, news, and sport results.
//!
//! All values are functions of the clock, so they continue smoothly after a restart.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use sse_hub::Hub;
use sse_hyper::{Event, EventType};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{journal::Journal, node::Node, publication::publication};

/// Interval between two events.
const EVENT_INTERVAL: Duration = Duration::from_millis(250);

/// The symbol, the base price and the volatility of each stock.
const STOCKS: [(&str, f64, f64); 3] = [
    ("ACME", 101.0, 1.0),
    ("GLOBEX", 54.0, 1.7),
    ("INITECH", 230.0, 0.6),
];

const NEWS: [(&str, &str); 10] = [
    (
        "Science",
        "Comet will be visible to the naked eye this week",
    ),
    ("City", "Night trains return to the old station"),
    ("Weather", "First snow expected above 800 metres"),
    ("Culture", "Museum opens its archive of early radio plays"),
    ("Science", "Deep-sea survey maps an unknown mountain"),
    ("Economy", "Bakers' cooperative doubles its ovens"),
    ("City", "Bridge reopens two months ahead of plan"),
    ("Sport", "Marathon course moves to the riverside"),
    ("Culture", "Lost score found inside a piano"),
    (
        "Technology",
        "Village network celebrates ten years without an outage",
    ),
];

/// The home team, the away team, and the minutes in which each scores.
const MATCHES: [(&str, &str, &[u64], &[u64]); 3] = [
    ("Lions", "Bears", &[12, 44, 78], &[31]),
    ("Otters", "Hawks", &[58], &[7, 61, 89]),
    ("Foxes", "Wolves", &[20, 21], &[66, 84]),
];

/// Publishes the feeds until an error occurs.
///
/// An event is written to the journal before it is published.
///
/// # Errors
///
/// Returns an error if an event cannot be written to the journal, or cannot be published.
pub async fn publish_feeds(hub: &Hub, mut journal: Journal) -> io::Result<()> {
    let mut ticks = ticks();
    for tick in 0_u64.. {
        ticks.tick().await;
        let event = event(tick, SystemTime::now())?;
        journal.append(&event)?;
        hub.publish(publication(event)?)
            .await
            .map_err(io::Error::other)?;
    }
    Ok(())
}

/// Publishes the share of one of several servers until an error occurs.
///
/// An event that cannot be published is dropped, because the next events have the newer values.
///
/// # Errors
///
/// Returns an error if an event cannot be created.
pub async fn publish_share(hub: &Hub, node: Node) -> io::Result<()> {
    let mut ticks = ticks();
    for tick in 0_u64.. {
        ticks.tick().await;
        if node.publishes(tick) {
            let event = event(tick, SystemTime::now())?;
            if let Err(error) = hub.publish(publication(event)?).await {
                eprintln!("cannot publish an event: {error}");
            }
        }
    }
    Ok(())
}

fn ticks() -> Interval {
    let mut ticks = interval(EVENT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Creates the event of a tick.
fn event(tick: u64, now: SystemTime) -> io::Result<Event> {
    let (event_type, data) = match tick % 8 {
        0 | 4 => ("time", httpdate::fmt_http_date(now)),
        1 | 3 | 5 | 7 => ("stocks", stock(tick / 2, now)),
        2 => ("scores", score(tick / 8, now)),
        _ if tick % 24 == 6 => ("news", news(now)),
        _ => ("scores", score(tick / 8 + 1, now)),
    };
    let event_type = EventType::new(event_type).map_err(io::Error::other)?;
    Ok(Event::new(data).with_type(event_type))
}

#[derive(Serialize)]
struct Stock {
    symbol: &'static str,
    price: f64,
}

#[derive(Serialize)]
struct News {
    section: &'static str,
    headline: &'static str,
}

#[derive(Serialize)]
struct Score {
    home: &'static str,
    away: &'static str,
    home_goals: usize,
    away_goals: usize,
    minute: u64,
}

fn stock(turn: u64, now: SystemTime) -> String {
    let (symbol, base, volatility) = cyclic(&STOCKS, turn);
    let seconds = since_epoch(now).as_secs_f64() % 86_400.0;
    let waves = [(97.0, 2.0), (23.0, 0.8), (7.1, 0.3), (1.3, 0.15)];
    let move_percent: f64 = waves
        .iter()
        .map(|(period, height)| height * (seconds * volatility / period).sin())
        .sum();
    let price = base * (1.0 + volatility * move_percent / 100.0);
    json(&Stock {
        symbol,
        price: (price * 100.0).round() / 100.0,
    })
}

fn news(now: SystemTime) -> String {
    let (section, headline) = cyclic(&NEWS, since_epoch(now).as_secs() / 6);
    json(&News { section, headline })
}

/// Returns the score of a match. A minute of the match takes two seconds. The matches start one after the other.
fn score(turn: u64, now: SystemTime) -> String {
    let (home, away, home_minutes, away_minutes) = cyclic(&MATCHES, turn);
    let start = turn % MATCHES.len() as u64 * 20;
    let minute = (since_epoch(now).as_secs() / 2 + start) % 91;
    let goals = |minutes: &[u64]| minutes.iter().filter(|goal| **goal <= minute).count();
    json(&Score {
        home,
        away,
        home_goals: goals(home_minutes),
        away_goals: goals(away_minutes),
        minute,
    })
}

/// Serializes to JSON. It cannot fail for structs of numbers and strings.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the element of this turn, and starts again after the last one.
fn cyclic<T: Copy>(all: &[T], turn: u64) -> T {
    all[usize::try_from(turn % all.len() as u64).unwrap_or(0)]
}

fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}
