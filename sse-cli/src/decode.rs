//! `sse decode`.

use std::{
    io::{ErrorKind, Read},
    path::Path,
};

use anyhow::{Context, Result, bail};
use sse_proto::{Chunk, Decoder};

use crate::{input, json, stderr, stdout};

/// Maximum size of a read in bytes, and approximate size of a write.
const CHUNK_BYTES: usize = 64 * 1024;

pub(crate) fn run(file: Option<&Path>) -> Result<()> {
    let mut input = input::open(file)?;
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut out = Vec::new();
    let mut skipped = 0_u64;
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("cannot read the stream"),
        };
        let mut chunk = Chunk::new(&buffer[..count]);
        loop {
            match decoder.decode(&mut chunk) {
                Ok(None) => break,
                Ok(Some(item)) => {
                    if let Some(line) = json::line(&item) {
                        line.write(&mut out)?;
                    }
                    // Each line repeats the last event ID, so the output may be far longer than the input.
                    if out.len() >= CHUNK_BYTES {
                        stdout::write(&out)?;
                        out.clear();
                    }
                }
                Err(error) => {
                    stderr::line(error);
                    skipped += 1;
                }
            }
        }
        stdout::write(&out)?;
        out.clear();
    }
    if decoder.is_inside_event() {
        stderr::line("the stream ends inside an event: there is no blank line after it");
        skipped += 1;
    }
    match skipped {
        0 => Ok(()),
        1 => bail!("1 event was skipped"),
        _ => bail!("{skipped} events were skipped"),
    }
}
