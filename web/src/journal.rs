//! The kept events in a file, as an event stream.
//!
//! A crash may leave half an event at the end. By the standard's own rule an unfinished event does
//! not count, so reading the file back needs no repair.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use sse_hub::{Hub, Retention, Settings};
use sse_hyper::{Event, EventId};
use sse_proto::{Chunk, Decoder, Item};

use crate::post::post;

/// How many events are kept: five minutes, at four a second.
pub(crate) const KEPT: usize = 1200;

/// The events of a hub, numbered from 1 without a gap, also over a restart.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// How many events are in the file.
    count: usize,
    /// The number of the newest event.
    newest: u64,
}

impl Journal {
    /// Opens the file, which is made if it is missing, with a hub that goes on with the last events in
    /// it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written.
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
            newest: first - 1 + events.len() as u64,
        };
        let hub = Hub::new(settings().with_first_number(first));
        for event in events {
            hub.post(post(event)?).await.map_err(io::Error::other)?;
        }
        Ok((journal, hub))
    }

    /// Writes an event with the number that the hub is to give it. Now and then the file is made short
    /// again.
    pub(crate) fn append(&mut self, event: &Event) -> io::Result<()> {
        if self.count >= 4 * KEPT {
            let events = read(&self.path)?;
            self.file = rewrite(&self.path, &events)?;
            self.count = events.len();
        }
        let mut block = Vec::new();
        let id = EventId::from(self.newest + 1);
        event.clone().with_id(id).encode(&mut block);
        self.file.write_all(&block)?;
        self.count += 1;
        self.newest += 1;
        Ok(())
    }
}

/// Those of the demo's hub: what it keeps is as much as what the journal keeps.
pub fn settings() -> Settings {
    let mut retention = Retention::default();
    retention.events = KEPT;
    // The page shows the bytes of what is published, and nothing beside them.
    Settings::new()
        .with_retention(retention)
        .with_position(false)
}

/// The last [`KEPT`] events of the file; none if there is no file.
fn read(path: &Path) -> io::Result<VecDeque<Event>> {
    let stream = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        result => result?,
    };
    let mut events = VecDeque::with_capacity(KEPT + 1);
    let mut decoder = Decoder::new();
    let mut chunk = Chunk::new(&stream);
    while let Some(item) = decoder.decode(&mut chunk).map_err(io::Error::other)? {
        if let Item::Event(event) = item {
            events.push_back(event.try_into().map_err(io::Error::other)?);
            if events.len() > KEPT {
                events.pop_front();
            }
        }
    }
    Ok(events)
}

/// Puts a file with just these events in the place of what was there.
fn rewrite(path: &Path, events: &VecDeque<Event>) -> io::Result<File> {
    let mut stream = Vec::new();
    for event in events {
        event.encode(&mut stream);
    }
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(&stream)?;
    fs::rename(&fresh, path)?;
    Ok(file)
}

/// The number that an event has as its ID.
#[expect(
    clippy::disallowed_methods,
    reason = "no one forges our own IDs with a sign"
)]
fn number(event: &Event) -> Option<u64> {
    event.last_event_id().parse().ok().filter(|it| *it > 0)
}
