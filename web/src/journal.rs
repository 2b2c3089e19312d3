//! A file with the latest events, in the format of an event stream.
//!
//! A crash can leave half an event at the end. By the standard, an unfinished event is ignored, so the file needs no
//! repair.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use sse_hub::{Hub, HubConfig, Retention};
use sse_hyper::{Event, EventId};
use sse_proto::{Chunk, Decoder, Item};

use crate::publication::publication;

/// Number of events that are kept: five minutes, at four events a second.
pub(crate) const MAX_EVENTS: usize = 1200;

/// A file with the events of a hub. They are numbered from 1 without a gap, also across restarts.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// The number of events in the file.
    count: usize,
    /// The number of the latest event.
    latest: u64,
}

impl Journal {
    /// Opens the file, or creates it, and returns a hub that continues after the events of the file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or written.
    pub async fn open(path: &Path) -> io::Result<(Self, Hub)> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let events = read(path)?;
        let first = events.front().and_then(number).unwrap_or(1);
        let journal = Self {
            file: rewrite(path, &events)?,
            path: path.to_owned(),
            count: events.len(),
            latest: first - 1 + events.len() as u64,
        };
        let hub = Hub::new(hub_config().first_sequence(first));
        for event in events {
            hub.publish(publication(event)?)
                .await
                .map_err(io::Error::other)?;
        }
        Ok((journal, hub))
    }

    /// Writes an event with the number that the hub will assign to it.
    ///
    /// When the file has four times [`MAX_EVENTS`] events, it is rewritten with the latest ones.
    pub(crate) fn append(&mut self, event: &Event) -> io::Result<()> {
        if self.count >= 4 * MAX_EVENTS {
            let events = read(&self.path)?;
            self.file = rewrite(&self.path, &events)?;
            self.count = events.len();
        }
        let mut block = Vec::new();
        let id = EventId::from(self.latest + 1);
        event.clone().with_id(id).encode(&mut block);
        self.file.write_all(&block)?;
        self.count += 1;
        self.latest += 1;
        Ok(())
    }
}

/// Returns the configuration of the demo's hub, which keeps as many events as the journal.
pub fn hub_config() -> HubConfig {
    let mut retention = Retention::default();
    retention.events = MAX_EVENTS;
    // The page shows the raw frames, so the hub sends only the published events.
    HubConfig::new().retention(retention).position_events(false)
}

/// Reads the last [`MAX_EVENTS`] events of the file, or no events if there is no file.
fn read(path: &Path) -> io::Result<VecDeque<Event>> {
    let stream = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        result => result?,
    };
    let mut events = VecDeque::with_capacity(MAX_EVENTS + 1);
    let mut decoder = Decoder::new();
    let mut chunk = Chunk::new(&stream);
    while let Some(item) = decoder.decode(&mut chunk).map_err(io::Error::other)? {
        if let Item::Event(event) = item {
            events.push_back(event.try_into().map_err(io::Error::other)?);
            if events.len() > MAX_EVENTS {
                events.pop_front();
            }
        }
    }
    Ok(events)
}

/// Replaces the file with a file of these events.
fn rewrite(path: &Path, events: &VecDeque<Event>) -> io::Result<File> {
    let mut stream = Vec::new();
    for event in events {
        event.encode(&mut stream);
    }
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(&stream)?;
    fs::rename(&temporary, path)?;
    Ok(file)
}

/// Returns the number that an event has as its ID.
#[expect(
    clippy::disallowed_methods,
    reason = "the IDs of this journal have no sign"
)]
fn number(event: &Event) -> Option<u64> {
    event
        .last_event_id()
        .parse()
        .ok()
        .filter(|number| *number > 0)
}
