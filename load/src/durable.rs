//! Rates of durable events: many publishers, each of which sends its next event when the previous one is stored.
//!
//! - `contender.rs`: a participant: its servers, its file and its publishers.
//! - `turn.rs`: one turn of a participant.
//! - `disk.rs`: the time in which the disk synchronizes a write.
//! - `report.rs`: the tables.
//!
//! The participants take turns, and only one of them runs at a time. Each turn begins with an empty store. The result of
//! a participant is the median of its turns. A turn fails unless the acknowledged events have consecutive sequences.

mod contender;
pub mod disk;
pub mod report;
mod turn;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use testkit::nats;

use crate::samples::median;
use turn::Turn;

/// Bytes of the data of an event.
pub const EVENT_BYTES: usize = 200;

/// Connections of the participant with HTTP/2.
pub const HTTP2_CONNECTIONS: usize = 10;

/// Store with its publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Participant {
    /// sse-hub with sse-hub-redb, in the process of the publishers.
    Library,
    /// sse-hub with sse-hub-redb, without fast recovery: it synchronizes the file once for each commit.
    LibrarySlowRecovery,
    /// `sse hub --store` over HTTP/1.1.
    Http1,
    /// `sse hub --store` over HTTP/2.
    Http2,
    /// NATS JetStream with its default interval of synchronization.
    Nats,
    /// NATS JetStream, which synchronizes each event.
    NatsSync,
    /// `sse hub` over NATS with its default interval of synchronization, over HTTP/1.1.
    HubNats,
    /// `sse hub` over NATS that synchronizes each event, over HTTP/1.1.
    HubNatsSync,
}

impl Participant {
    /// All participants, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Library,
        Self::LibrarySlowRecovery,
        Self::Http1,
        Self::Http2,
        Self::NatsSync,
        Self::HubNatsSync,
        Self::Nats,
        Self::HubNats,
    ];

    /// Returns the name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Library => "sse-hub-redb",
            Self::LibrarySlowRecovery => "sse-hub-redb, slow recovery",
            Self::Http1 => "sse hub --store, HTTP/1.1",
            Self::Http2 => "sse hub --store, HTTP/2",
            Self::Nats => "NATS",
            Self::NatsSync => "NATS, sync always",
            Self::HubNats => "sse hub --nats, HTTP/1.1",
            Self::HubNatsSync => "sse hub --nats, sync always, HTTP/1.1",
        }
    }

    /// Returns whether an acknowledged event survives a power failure.
    pub fn is_durable(self) -> bool {
        !matches!(self, Self::Nats | Self::HubNats)
    }

    /// Returns whether the participant has a NATS server that synchronizes each event.
    pub fn needs_nats_sync(self) -> bool {
        matches!(self, Self::NatsSync | Self::HubNatsSync)
    }
}

/// Parameters of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Path of the command `sse`.
    pub sse: &'a Path,
    /// Folder for the stores, on the disk to measure.
    pub folder: &'a Path,
    /// Number of publishers.
    pub publishers: usize,
    /// Number of turns of each participant.
    pub turns: usize,
    /// Time of a turn that counts.
    pub time: Duration,
    /// Time before it, in which the publishers already publish.
    pub warm_up: Duration,
}

/// Results of a participant.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Median of the events per second.
    pub rate: u64,
    /// Events per second of the slowest turn.
    pub slowest: u64,
    /// Median of the median latencies.
    pub median: Duration,
    /// Median of the 99th percentiles of the latencies.
    pub tail: Duration,
    /// Median of the processor time of the servers for an event. `None` if the store is in the process of the publishers.
    pub server: Option<Duration>,
    /// Median of the processor time of the publishers for an event.
    pub publishers: Duration,
}

/// Measures the participants in turns.
///
/// # Errors
///
/// Returns an error if a participant fails.
pub async fn all(
    plan: &Plan<'_>,
    participants: &[Participant],
) -> Result<Vec<(Participant, Reading)>> {
    let mut turns = vec![Vec::new(); participants.len()];
    for _ in 0..plan.turns {
        for (participant, turns) in participants.iter().zip(&mut turns) {
            let turn = turn::run(plan, *participant).await;
            turns.push(turn.with_context(|| participant.name())?);
        }
    }
    let readings = turns.iter().map(|turns| together(turns));
    Ok(participants.iter().copied().zip(readings).collect())
}

/// Returns the version of the NATS server, and whether it can synchronize each event. That needs version 2.10.
///
/// # Errors
///
/// Returns an error if there is no such program.
pub fn nats_can_sync(folder: &Path) -> Result<(String, bool)> {
    let folder = tempfile::tempdir_in(folder)?;
    let mut check = nats::command(0, folder.path(), &contender::sync_config(folder.path()))?;
    let version = std::process::Command::new(check.get_program())
        .arg("--version")
        .output()
        .context("cannot run nats-server")?;
    ensure!(
        version.status.success(),
        "nats-server --version: {}",
        version.status
    );
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let is_valid = check.arg("-t").output()?.status.success();
    Ok((version, is_valid))
}

fn together(turns: &[Turn]) -> Reading {
    let of = |value: fn(&Turn) -> Duration| median(turns.iter().map(value));
    let rates = || turns.iter().map(Turn::rate);
    let servers = turns.iter().map(|turn| turn.server);
    Reading {
        rate: median(rates()),
        slowest: rates().min().unwrap_or(0),
        median: of(|turn| turn.median),
        tail: of(|turn| turn.tail),
        server: median(servers),
        publishers: of(|turn| turn.publishers),
    }
}
