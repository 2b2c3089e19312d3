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

use sse_hyper::Event;
use sse_proto::{Chunk, Decoder, Item};

use crate::log::KEPT;

#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// How many events are in the file.
    count: usize,
}

impl Journal {
    /// Opens the file, and gives the last events in it.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, VecDeque<Event>)> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let events = read(path)?;
        let file = rewrite(path, &events)?;
        let count = events.len();
        let path = path.to_owned();
        Ok((Self { path, file, count }, events))
    }

    /// Writes one more event. Now and then the file is made short again.
    pub(crate) fn append(&mut self, event: &Event) -> io::Result<()> {
        if self.count >= 4 * KEPT {
            let events = read(&self.path)?;
            self.file = rewrite(&self.path, &events)?;
            self.count = events.len();
        }
        let mut block = Vec::new();
        event.encode(&mut block);
        self.file.write_all(&block)?;
        self.count += 1;
        Ok(())
    }
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
            events.push_back(event.into());
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
