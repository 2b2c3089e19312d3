//! `sse decode`.

use std::{
    io::{ErrorKind, Read},
    path::Path,
};

use anyhow::{Context, Result, bail};
use sse_proto::{Chunk, Decoder};

use crate::{input, json, notice, stdout};

/// How much is read at a time, and about how much is written.
const CHUNK: usize = 64 * 1024;

pub(crate) fn run(file: Option<&Path>) -> Result<()> {
    let mut input = input::open(file)?;
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; CHUNK];
    let mut out = Vec::new();
    let mut lost = 0_u64;
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
                    // A long ID comes with each event, however short that is.
                    if out.len() >= CHUNK {
                        stdout::write(&out)?;
                        out.clear();
                    }
                }
                Err(error) => {
                    notice::tell(error);
                    lost += 1;
                }
            }
        }
        stdout::write(&out)?;
        out.clear();
    }
    if decoder.is_inside_event() {
        notice::tell("the stream ends inside an event: there is no blank line after it");
        lost += 1;
    }
    match lost {
        0 => Ok(()),
        1 => bail!("one event is left out"),
        _ => bail!("{lost} events are left out"),
    }
}
