//! Decodes event streams from a text format, one stream per line, and prints each result as a line of JSON.
//!
//! An input line is `ID HEX,HEX,…`. Each HEX is a chunk of the stream, which may be empty. `ID -` is an empty
//! stream. An output line is:
//!
//! `{"id":ID,"events":[{"type":"message","data":"…","lastEventId":"…"}],"lastEventId":"…","retry":"3000","error":null}`
//!
//! Input and output are streamed: the memory holds one chunk and the buffers of the decoder.

use std::{
    io::{self, BufRead, Write},
    time::Duration,
};

use serde_json::{json, to_writer};
use sse_proto::{Chunk, Decoder, Item};

fn main() -> io::Result<()> {
    let mut lines = Lines {
        input: io::stdin().lock(),
        number: 0,
    };
    let mut output = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    while let Some(id) = lines.next_id()? {
        write!(output, r#"{{"id":{},"events":["#, shown(&id))?;
        let end = decode(&mut lines, &mut output)?;
        writeln!(
            output,
            r#"],"lastEventId":{},"retry":{},"error":{}}}"#,
            json!(end.last_event_id),
            json!(end.retry.map(|time| time.as_millis().to_string())),
            json!(end.error),
        )?;
    }
    output.flush()
}

/// State at the end of a stream.
struct End {
    last_event_id: String,
    retry: Option<Duration>,
    /// First error. Decoding continues after it.
    error: Option<String>,
}

fn decode(lines: &mut Lines<impl BufRead>, output: &mut impl Write) -> io::Result<End> {
    let mut decoder = Decoder::new();
    let (mut retry, mut error, mut separator) = (None, None, "");
    let mut chunk = Vec::new();
    loop {
        let last = lines.next_chunk(&mut chunk)?;
        let mut rest = Chunk::new(&chunk);
        loop {
            match decoder.decode(&mut rest) {
                Ok(None) => break,
                Ok(Some(Item::Event(event))) => {
                    write!(output, r#"{separator}{{"type":"#)?;
                    to_writer(&mut *output, event.event_type)?;
                    output.write_all(br#","data":"#)?;
                    to_writer(&mut *output, event.data)?;
                    output.write_all(br#","lastEventId":"#)?;
                    to_writer(&mut *output, event.last_event_id)?;
                    output.write_all(b"}")?;
                    separator = ",";
                }
                Ok(Some(Item::Retry(time))) => retry = Some(time),
                Ok(Some(_)) => {}
                Err(fault) => error = error.or(Some(fault.to_string())),
            }
        }
        if last {
            return Ok(End {
                last_event_id: decoder.last_event_id().to_owned(),
                retry,
                error,
            });
        }
    }
}

/// Formats the ID as a JSON number if it is one, and otherwise as a JSON string.
fn shown(id: &str) -> String {
    let number =
        id.bytes().all(|byte| byte.is_ascii_digit()) && (id == "0" || !id.starts_with('0'));
    if number {
        id.to_owned()
    } else {
        json!(id).to_string()
    }
}

/// Reader of the input, which holds only the requested part.
struct Lines<R> {
    input: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    /// Returns the ID at the start of the next line, if there is one.
    fn next_id(&mut self) -> io::Result<Option<String>> {
        self.number += 1;
        let mut id = Vec::new();
        self.input.read_until(b' ', &mut id)?;
        match id.trim_ascii_start().split_last() {
            None => Ok(None),
            Some((b' ', id)) if !id.contains(&b'\n') => {
                Ok(Some(String::from_utf8_lossy(id).into_owned()))
            }
            Some(_) => Err(self.fault("expected `ID HEX,HEX,…`")),
        }
    }

    /// Reads the next chunk of the line into `chunk`, and returns whether it is the last.
    fn next_chunk(&mut self, chunk: &mut Vec<u8>) -> io::Result<bool> {
        chunk.clear();
        let mut high = None;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return self.chunk_end(high).map(|()| true);
            }
            let is_end = |byte: &u8| matches!(byte, b',' | b'\n');
            let end = buffer.iter().position(is_end);
            for &byte in &buffer[..end.unwrap_or(buffer.len())] {
                match (char::from(byte).to_digit(16), high.take()) {
                    (None, _) if b"-\r".contains(&byte) => {}
                    (None, _) => return Err(self.fault("expected hexadecimal digits")),
                    (Some(digit), None) => high = Some(digit),
                    (Some(digit), Some(high)) => chunk.push((high << 4 | digit) as u8),
                }
            }
            let separator = end.map(|end| buffer[end]);
            let taken = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(taken);
            if let Some(separator) = separator {
                return self.chunk_end(high).map(|()| separator == b'\n');
            }
        }
    }

    fn chunk_end(&self, high: Option<u32>) -> io::Result<()> {
        high.map_or(Ok(()), |_| {
            Err(self.fault("odd number of hexadecimal digits"))
        })
    }

    fn fault(&self, what: &str) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {}: {what}", self.number),
        )
    }
}
