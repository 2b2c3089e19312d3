//! Reference decoder, written sentence by sentence from [9.2.6 Interpreting an event stream][spec].
//!
//! It needs the whole stream and reads every character one by one. The only limit is that on IDs, which the standard
//! does not have.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use crate::{Item, Outcome};

/// Default limit on the length of an ID, in bytes.
pub const MAX_ID_BYTES: usize = 8 * 1024;

/// Decodes a whole stream, after which the connection ends.
pub fn interpret(stream: &[u8]) -> Outcome {
    interpret_with(stream, MAX_ID_BYTES)
}

/// Returns whether the stream ends in the middle of an event.
pub fn is_inside_event(stream: &[u8], max_id_bytes: usize) -> bool {
    let (source, line) = read(stream, max_id_bytes);
    let is_cut_line = !line.is_empty() && !line.starts_with(':');
    is_cut_line || source.has_id || !source.data.is_empty() || !source.event_type.is_empty()
}

/// Decodes a whole stream with another limit on the length of an ID, in bytes of its text.
pub fn interpret_with(stream: &[u8], max_id_bytes: usize) -> Outcome {
    // "Once the end of the file is reached, any pending data must be discarded. (If the file ends in
    // the middle of an event, before the final empty line, the incomplete event is not dispatched.)"
    read(stream, max_id_bytes).0.outcome
}

/// Returns the state at the end of the stream, and the unfinished last line.
fn read(stream: &[u8], max_id_bytes: usize) -> (EventSource, String) {
    let mut line_starts = line_starts(stream).into_iter();
    // "Streams must be decoded using the UTF-8 decode algorithm. Note: The UTF-8 decode algorithm
    // strips one leading UTF-8 Byte Order Mark (BOM), if any."
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let text = String::from_utf8_lossy(stream);

    let mut source = EventSource {
        max_id_bytes,
        ..EventSource::default()
    };
    source.line_at = line_starts.next().unwrap_or_default();
    // "The stream must then be parsed by reading everything line by line, with a U+000D CARRIAGE
    // RETURN U+000A LINE FEED (CRLF) character pair, a single U+000A LINE FEED (LF) character not
    // preceded by a U+000D CARRIAGE RETURN (CR) character, and a single U+000D CARRIAGE RETURN (CR)
    // character not followed by a U+000A LINE FEED (LF) character being the ways in which a line
    // can end."
    let mut line = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                source.process_line(&line);
                source.line_at = line_starts.next().unwrap_or_default();
                line.clear();
            }
            '\n' => {
                source.process_line(&line);
                source.line_at = line_starts.next().unwrap_or_default();
                line.clear();
            }
            other => line.push(other),
        }
    }
    (source, line)
}

/// Returns the byte offset of the start of each line. Line ends are ASCII, so the bytes and the text have the same.
fn line_starts(stream: &[u8]) -> Vec<u64> {
    let bom = if stream.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    let mut starts = vec![bom];
    for (index, byte) in stream.iter().enumerate() {
        let next = stream.get(index + 1);
        if *byte == b'\n' || *byte == b'\r' && next != Some(&b'\n') {
            starts.push(index as u64 + 1);
        }
    }
    starts
}

#[derive(Default)]
struct EventSource {
    max_id_bytes: usize,
    /// Byte offset of the start of the line.
    line_at: u64,
    data: String,
    event_type: String,
    last_event_id_buffer: String,
    /// Set if the current block has changed `last_event_id_buffer`.
    has_id: bool,
    outcome: Outcome,
}

impl EventSource {
    /// "Lines must be processed, in the order they are received, as follows:"
    fn process_line(&mut self, line: &str) {
        if line.is_empty() {
            // "If the line is empty (a blank line): Dispatch the event, as defined below."
            self.dispatch();
        } else if let Some(comment) = line.strip_prefix(':') {
            // "If the line starts with a U+003A COLON character (:): Ignore the line." We record it.
            self.outcome.items.push(Item::Comment(comment.to_owned()));
        } else if line.contains(':') {
            let mut parts = line.splitn(2, ':');
            let field = parts.next().unwrap_or_default();
            let value = parts.next().unwrap_or_default();
            // "If value starts with a U+0020 SPACE character, remove it from value."
            self.process_field(field, value.strip_prefix(' ').unwrap_or(value));
        } else {
            // "Process the field using the steps described below, using the whole line as the field
            // name, and the empty string as the field value."
            self.process_field(line, "");
        }
    }

    fn process_field(&mut self, name: &str, value: &str) {
        match name {
            "event" => self.event_type = value.to_owned(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if value.contains('\0') => {}
            "id" if value.len() > self.max_id_bytes => {
                self.outcome.items.push(Item::IdTooLong(self.line_at));
            }
            "id" => {
                self.last_event_id_buffer = value.to_owned();
                self.has_id = true;
            }
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                let mut number: u128 = 0;
                for digit in value.chars().filter_map(|c| c.to_digit(10)) {
                    number = (number * 10 + u128::from(digit)).min(u128::from(u64::MAX));
                }
                let number = u64::try_from(number).unwrap_or(u64::MAX);
                self.outcome.items.push(Item::Retry(number));
            }
            // "Otherwise: The field is ignored."
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.outcome
            .last_event_id
            .clone_from(&self.last_event_id_buffer);
        self.has_id = false;
        if self.data.is_empty() {
            self.event_type.clear();
            return;
        }
        if self.data.ends_with('\n') {
            self.data.pop();
        }
        let event_type = if self.event_type.is_empty() {
            "message".to_owned()
        } else {
            self.event_type.clone()
        };
        self.outcome.items.push(Item::Event {
            event_type,
            data: self.data.clone(),
            last_event_id: self.outcome.last_event_id.clone(),
        });
        self.data.clear();
        self.event_type.clear();
    }
}
