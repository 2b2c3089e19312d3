//! Workloads: realistic streams of about a megabyte each.

use crate::text::{LATIN, Random, WORLD};

/// Approximate size of a stream, in bytes.
const SIZE: usize = 1_000_000;

/// Kind of stream.
#[derive(Debug)]
pub struct Workload {
    /// Name on the command line.
    pub key: &'static str,
    /// Description of the content.
    pub title: &'static str,
    /// Blocks of the stream before encoding.
    pub records: Vec<Record>,
    /// Encoded stream.
    pub stream: Vec<u8>,
    /// Ends of the blocks in the stream.
    pub ends: Vec<usize>,
}

/// Block of a stream: an event or a comment.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Value of `event`.
    pub event_type: Option<String>,
    /// Value of `id`.
    pub id: Option<u64>,
    /// Value of `retry`, in milliseconds.
    pub retry: Option<u64>,
    /// Data, with its lines separated by LF.
    pub data: Option<String>,
    /// Text after the colon of a comment.
    pub comment: Option<String>,
}

/// Returns all workloads.
pub fn workloads() -> Vec<Workload> {
    vec![
        Workload::new("a", "JSON deltas, about 300 B", "\n", json_delta),
        Workload::new("a2", "`event:` and `data:`", "\n", typed_delta),
        Workload::new("b", "tiny, `data: 1`", "\n", tiny),
        Workload::new("c", "lines of 64 KiB", "\n", long_line),
        Workload::new("d-lf", "50 lines of data, LF", "\n", many_lines),
        Workload::new("d-crlf", "50 lines of data, CRLF", "\r\n", many_lines),
        Workload::new("e", "all fields", "\n", all_fields),
        Workload::new("f", "comments only, `: keep-alive`", "\n", keep_alive),
        Workload::new("f-bare", "comments only, `:`", "\n", bare_comment),
        Workload::new("g", "text that is not ASCII, about 300 B", "\n", world),
        Workload::new(
            "h",
            "like g, with invalid UTF-8 in one of eight",
            "\n",
            faulty,
        ),
    ]
}

impl Workload {
    /// Creates records until the stream is large enough.
    fn new(
        key: &'static str,
        title: &'static str,
        line_end: &str,
        mut record: impl FnMut(&mut Random, u64) -> Record,
    ) -> Self {
        let mut workload = Self {
            key,
            title,
            records: Vec::new(),
            stream: Vec::new(),
            ends: Vec::new(),
        };
        let mut random = Random::new(1 + key.len() as u64);
        while workload.stream.len() < SIZE {
            let number = workload.records.len() as u64;
            let record = record(&mut random, number);
            record.write(&mut workload.stream, line_end);
            workload.ends.push(workload.stream.len());
            workload.records.push(record);
        }
        workload.stream = with_faults(&workload.stream);
        workload
    }

    /// Returns whether the stream contains only comments.
    pub fn is_comments(&self) -> bool {
        self.records.iter().all(|record| record.comment.is_some())
    }

    /// Returns whether `--only key` selects the workload. `d` selects both kinds of `d`, and `f` both kinds of
    /// `f`.
    pub fn is(&self, key: &str) -> bool {
        self.key == key || self.key.split('-').next() == Some(key)
    }
}

impl Record {
    /// Appends the block, as a simple server would write it.
    fn write(&self, stream: &mut Vec<u8>, line_end: &str) {
        let mut line = |name: &str, value: &str| {
            for part in [name, value, line_end] {
                stream.extend_from_slice(part.as_bytes());
            }
        };
        if let Some(comment) = &self.comment {
            line(":", comment);
        }
        if let Some(event_type) = &self.event_type {
            line("event: ", event_type);
        }
        if let Some(id) = self.id {
            line("id: ", &id.to_string());
        }
        if let Some(retry) = self.retry {
            line("retry: ", &retry.to_string());
        }
        for data in self.data.iter().flat_map(|data| data.split('\n')) {
            line("data: ", data);
        }
        line("", "");
    }
}

/// Replaces each U+FFFD by an incomplete character. It has three bytes, so that the length does not change.
fn with_faults(stream: &[u8]) -> Vec<u8> {
    let mut faulty = Vec::with_capacity(stream.len());
    for part in String::from_utf8_lossy(stream).split_inclusive(char::REPLACEMENT_CHARACTER) {
        match part.strip_suffix(char::REPLACEMENT_CHARACTER) {
            Some(text) => faulty.extend_from_slice(&[text.as_bytes(), b"\xF0\x9F\x98"].concat()),
            None => faulty.extend_from_slice(part.as_bytes()),
        }
    }
    faulty
}

/// Returns a block that contains only data.
fn data(data: String) -> Record {
    Record {
        data: Some(data),
        ..Record::default()
    }
}

/// Returns a block that contains only a comment.
fn comment(comment: String) -> Record {
    Record {
        comment: Some(comment),
        ..Record::default()
    }
}

/// Returns a record of workload a: a chunk of a chat completion for one token, in the format of `OpenAI`.
fn json_delta(random: &mut Random, _: u64) -> Record {
    let id = random.token(29);
    let created = 1_795_000_000 + random.below(1_000_000);
    let fingerprint = random.token(10);
    let word = random.one_of(LATIN);
    let length = random.between(3, 24);
    let obfuscation = random.token(length);
    data(format!(
        r#"{{"id":"chatcmpl-{id}","object":"chat.completion.chunk","created":{created},"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_{fingerprint}","choices":[{{"index":0,"delta":{{"content":" {word}"}},"finish_reason":null}}],"obfuscation":"{obfuscation}"}}"#
    ))
}

/// Returns a record of workload a2: an event of a message for one token, in the format of Anthropic.
fn typed_delta(random: &mut Random, number: u64) -> Record {
    let length = random.between(1, 24);
    let words = random.words(LATIN, length);
    let index = random.below(3);
    let (event_type, text) = match random.below(32) {
        0 => ("ping", String::from(r#"{"type": "ping"}"#)),
        1 => (
            "content_block_stop",
            format!(r#"{{"type":"content_block_stop","index":{index}}}"#),
        ),
        2 => (
            "message_delta",
            format!(
                r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{number}}}}}"#
            ),
        ),
        _ => (
            "content_block_delta",
            format!(
                r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"text_delta","text":"{words}"}}}}"#
            ),
        ),
    };
    Record {
        event_type: Some(event_type.into()),
        ..data(text)
    }
}

/// Returns a record of workload b: a minimal event. One of eight may have a second digit.
fn tiny(random: &mut Random, _: u64) -> Record {
    let bound = if random.below(8) == 0 { 100 } else { 10 };
    data(random.below(bound).to_string())
}

/// Returns a record of workload c: one line of about 64 KiB.
fn long_line(random: &mut Random, _: u64) -> Record {
    let length = 64 * 1024 + random.below(512) - 256;
    data(random.words(LATIN, length))
}

/// Returns a record of workload d: 50 lines of 0 to about 60 bytes.
fn many_lines(random: &mut Random, _: u64) -> Record {
    let lines: Vec<_> = (0..50)
        .map(|_| match random.below(60) {
            0 => String::new(),
            length => random.words(LATIN, length),
        })
        .collect();
    data(lines.join("\n"))
}

/// Returns a record of workload e: an event with all fields.
fn all_fields(random: &mut Random, number: u64) -> Record {
    let length = random.between(40, 160);
    Record {
        event_type: Some(
            random
                .one_of(&["update", "delta", "message_added", "x"])
                .into(),
        ),
        id: Some(1_000 + number * 7),
        retry: Some(random.between(500, 15_000) as u64),
        ..data(random.words(LATIN, length))
    }
}

/// Returns a record of workload f: a keep-alive comment. One of eight has another text.
fn keep_alive(random: &mut Random, number: u64) -> Record {
    match random.below(16) {
        0 => comment(String::new()),
        1 => comment(format!(" ping {number}")),
        _ => comment(String::from(" keep-alive")),
    }
}

/// Returns a record of workload f-bare: a keep-alive comment of three bytes. One of sixteen has a text.
fn bare_comment(random: &mut Random, _: u64) -> Record {
    let text = if random.below(16) == 0 { " ping" } else { "" };
    comment(text.into())
}

/// Returns a record of workload g: text with few ASCII characters.
fn world(random: &mut Random, _: u64) -> Record {
    let length = random.between(240, 330);
    data(random.words(WORLD, length))
}

/// Returns a record of workload h: a record of workload g. One of eight has an incomplete character.
fn faulty(random: &mut Random, number: u64) -> Record {
    let mut record = world(random, number);
    if let Some(data) = record.data.as_mut().filter(|_| random.below(8) == 0) {
        let at = data
            .char_indices()
            .nth(random.below(70))
            .map_or(0, |(at, _)| at);
        data.insert(at, char::REPLACEMENT_CHARACTER);
    }
    record
}
