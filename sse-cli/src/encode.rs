//! `sse encode`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sse_proto::{Comment, Event, EventId, EventType, Output};

use crate::{input, json, stdout};

/// Output size in bytes above which the output is written although more input is buffered.
const FLUSH_BYTES: usize = 64 * 1024;

pub(crate) fn run(file: Option<&Path>) -> Result<()> {
    let mut input = BufReader::new(input::open(file)?);
    let mut encoder = Encoder::default();
    let mut line = Vec::new();
    let mut out = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let count = input.read_until(b'\n', &mut line);
        if count.context("cannot read the lines")? == 0 {
            break;
        }
        if let Err(error) = encoder.encode(&line, &mut out) {
            stdout::write(&out)?;
            return Err(error.context(format!("line {number}")));
        }
        // The program that writes the lines may wait for the output of the last one.
        if input.buffer().is_empty() || out.len() > FLUSH_BYTES {
            stdout::write(&out)?;
            out.clear();
        }
    }
    stdout::write(&out)
}

/// All fields that a line may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Line {
    #[serde(rename = "type")]
    event_type: Option<String>,
    data: Option<String>,
    id: Option<String>,
    last_event_id: Option<String>,
    retry: Option<u64>,
    comment: Option<String>,
}

/// Encodes lines, and keeps the last event ID that a reader of the stream has.
#[derive(Default)]
struct Encoder {
    last_event_id: String,
}

impl Encoder {
    /// Appends the block of a line. On an error, appends nothing.
    fn encode(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        match json::object(line)? {
            Line {
                event_type: None,
                data: None,
                id: None,
                last_event_id: None,
                retry: None,
                comment: Some(text),
            } => Comment::new(&text).encode(out),
            Line {
                comment: Some(_), ..
            } => bail!("a comment has no other fields"),
            Line {
                event_type: None,
                data: None,
                id: None,
                last_event_id: None,
                retry: Some(milliseconds),
                ..
            } => out.push_str(&format!("retry: {milliseconds}\n\n")),
            Line { data: None, .. } => bail!("missing field `data`"),
            Line {
                id: Some(_),
                last_event_id: Some(_),
                ..
            } => bail!("`id` and `lastEventId` cannot be used together"),
            Line {
                data: Some(data),
                event_type,
                id,
                last_event_id,
                retry,
                ..
            } => {
                let mut event = Event::new(data);
                if let Some(text) = event_type.filter(|text| text != "message") {
                    event = event.with_type(EventType::new(text)?);
                }
                // A reader keeps its last event ID, so an unchanged one need not be written.
                let id = id.or_else(|| last_event_id.filter(|id| *id != self.last_event_id));
                if let Some(text) = id {
                    event = event.with_id(EventId::new(text.clone())?);
                    self.last_event_id = text;
                }
                if let Some(milliseconds) = retry {
                    event = event.with_retry(Duration::from_millis(milliseconds));
                }
                event.encode(out);
            }
        }
        Ok(())
    }
}
