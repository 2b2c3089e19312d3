//! What is measured: streams as they are met, about a megabyte each.

use crate::text::{LATIN, Random, WORLD};

/// About how many bytes a stream has.
const SIZE: usize = 1_000_000;

/// A kind of stream.
#[derive(Debug)]
pub struct Workload {
    /// What it is called on the command line.
    pub key: &'static str,
    /// What is in it.
    pub title: &'static str,
    /// What the stream says, block by block.
    pub records: Vec<Record>,
    /// The stream.
    pub stream: Vec<u8>,
    /// Where the blocks of the stream end.
    pub ends: Vec<usize>,
}

/// A block of a stream: an event, or a comment.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The value of `event`.
    pub event_type: Option<String>,
    /// The value of `id`.
    pub id: Option<u64>,
    /// The value of `retry`, in milliseconds.
    pub retry: Option<u64>,
    /// The data, its lines separated by LF.
    pub data: Option<String>,
    /// All that follows the colon of a comment.
    pub comment: Option<String>,
}

/// All that is measured.
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
        Workload::new("h", "the same with faults, in one of eight", "\n", faulty),
    ]
}

impl Workload {
    /// Records until the stream is large enough.
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

    /// Whether there is nothing but comments in it.
    pub fn is_comments(&self) -> bool {
        self.records.iter().all(|record| record.comment.is_some())
    }

    /// Whether `--only key` means it: `d` means both kinds of `d`, `f` both kinds of `f`.
    pub fn is(&self, key: &str) -> bool {
        self.key == key || self.key.split('-').next() == Some(key)
    }
}

impl Record {
    /// Appends the block, as a plain server would write it.
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

/// Puts a character that is cut short wherever U+FFFD stands. Three bytes are cut, so that it is as
/// long as what replaces it.
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

/// A block that holds nothing but data.
fn data(data: String) -> Record {
    Record {
        data: Some(data),
        ..Record::default()
    }
}

/// A block that holds nothing but a comment.
fn comment(comment: String) -> Record {
    Record {
        comment: Some(comment),
        ..Record::default()
    }
}

/// a: what a chat completion sends for each token, in the shape that `OpenAI` gave it.
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

/// a2: what a message sends for each token, in the shape that Anthropic gave it.
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

/// b: as little as an event can be; one in eight has a digit more.
fn tiny(random: &mut Random, _: u64) -> Record {
    let bound = if random.below(8) == 0 { 100 } else { 10 };
    data(random.below(bound).to_string())
}

/// c: one line of about 64 KiB.
fn long_line(random: &mut Random, _: u64) -> Record {
    let length = 64 * 1024 + random.below(512) - 256;
    data(random.words(LATIN, length))
}

/// d: 50 lines of 0 to 60 bytes and a bit.
fn many_lines(random: &mut Random, _: u64) -> Record {
    let lines: Vec<_> = (0..50)
        .map(|_| match random.below(60) {
            0 => String::new(),
            length => random.words(LATIN, length),
        })
        .collect();
    data(lines.join("\n"))
}

/// e: each field that there is.
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

/// f: keep-alives; one in eight says something else.
fn keep_alive(random: &mut Random, number: u64) -> Record {
    match random.below(16) {
        0 => comment(String::new()),
        1 => comment(format!(" ping {number}")),
        _ => comment(String::from(" keep-alive")),
    }
}

/// f-bare: keep-alives of three bytes; one in sixteen says something.
fn bare_comment(random: &mut Random, _: u64) -> Record {
    let text = if random.below(16) == 0 { " ping" } else { "" };
    comment(text.into())
}

/// g: hardly a byte of ASCII.
fn world(random: &mut Random, _: u64) -> Record {
    let length = random.between(240, 330);
    data(random.words(WORLD, length))
}

/// h: the same, but one of eight has a character that was cut short.
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
