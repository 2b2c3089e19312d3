//! Test cases of `testdata/`. The README there describes their format.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bstr::ByteVec;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Item, Outcome};

/// Stream and its expected outcome.
#[derive(Debug)]
pub struct DecodeCase {
    /// File and name of the case, for the message of a failure.
    pub name: String,
    /// Bytes of the stream.
    pub stream: Vec<u8>,
    /// Limit of the decoder in bytes, if the case tests it.
    pub limit: Option<usize>,
    /// Limit of the decoder on IDs in bytes, if the case tests it.
    pub max_id_bytes: Option<usize>,
    /// Expected outcome.
    pub outcome: Outcome,
}

/// Event or comment, and its expected bytes.
#[derive(Debug)]
pub struct EncodeCase {
    /// File and name of the case, for the message of a failure.
    pub name: String,
    /// Event or comment to encode.
    pub sent: Sent,
    /// Expected bytes.
    pub wire: String,
}

/// Event or comment to encode.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names of the fields are clear")]
pub enum Sent {
    Comment(String),
    Event {
        event_type: Option<String>,
        data: String,
        id: Option<String>,
        retry: Option<u64>,
    },
}

/// Returns all cases of `testdata/decode/`.
pub fn decode_cases() -> Vec<DecodeCase> {
    let rows = load::<DecodeRow>("decode").into_iter();
    rows.map(|(file, row)| {
        let fill = |text: &str| match &row.repeat {
            Some(repeat) => text.replace('@', &repeat.text.repeat(repeat.times)),
            None => text.to_owned(),
        };
        let items: Vec<Item> = row.items.iter().map(|item| item.item(&fill)).collect();
        DecodeCase {
            name: format!("{file}: {}", row.name),
            stream: unescape(&fill(&row.stream)),
            limit: row.limit,
            max_id_bytes: row.max_id_bytes,
            outcome: Outcome {
                items: core::iter::repeat_n(items, row.each.unwrap_or(1))
                    .flatten()
                    .collect(),
                last_event_id: text(&fill(&row.last_event_id)),
            },
        }
    })
    .collect()
}

/// Returns all cases of `testdata/encode/`.
pub fn encode_cases() -> Vec<EncodeCase> {
    let rows = load::<EncodeRow>("encode").into_iter();
    rows.map(|(file, row)| EncodeCase {
        name: format!("{file}: {}", row.name),
        sent: match &row.comment {
            Some(comment) => Sent::Comment(text(comment)),
            None => Sent::Event {
                event_type: row.r#type.as_deref().map(text),
                data: text(&row.data),
                id: row.id.as_deref().map(text),
                retry: row.retry,
            },
        },
        wire: text(&row.wire),
    })
    .collect()
}

#[derive(Deserialize)]
struct File<Row> {
    #[serde(alias = "advisory")]
    case: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DecodeRow {
    name: String,
    stream: String,
    limit: Option<usize>,
    max_id_bytes: Option<usize>,
    /// Text that replaces `@`.
    repeat: Option<Repeat>,
    #[serde(default)]
    items: Vec<ItemRow>,
    /// Number of times that all the items come, 1 by default.
    each: Option<usize>,
    #[serde(default)]
    last_event_id: String,
}

#[derive(Deserialize)]
struct Repeat {
    text: String,
    times: usize,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields, rename_all_fields = "kebab-case")]
enum ItemRow {
    Event {
        data: String,
        r#type: Option<String>,
        #[serde(default)]
        id: String,
    },
    Retry {
        retry: Decimal,
    },
    Comment {
        comment: String,
    },
    TooLarge {
        too_large_at: u64,
    },
    IdTooLong {
        id_too_long_at: u64,
    },
}

/// Number that may exceed the range of TOML's integers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Decimal {
    Short(u64),
    Long(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodeRow {
    name: String,
    comment: Option<String>,
    r#type: Option<String>,
    #[serde(default)]
    data: String,
    id: Option<String>,
    retry: Option<u64>,
    wire: String,
}

impl ItemRow {
    fn item(&self, fill: &impl Fn(&str) -> String) -> Item {
        match self {
            Self::Event { data, r#type, id } => Item::Event {
                event_type: r#type.as_deref().map_or("message".to_owned(), text),
                data: text(&fill(data)),
                last_event_id: text(&fill(id)),
            },
            Self::Retry { retry } => Item::Retry(match retry {
                Decimal::Short(number) => *number,
                #[expect(clippy::disallowed_methods, reason = "our own files, no sign in them")]
                Decimal::Long(digits) => digits.parse().expect("a decimal number"),
            }),
            Self::Comment { comment } => Item::Comment(text(comment)),
            Self::TooLarge { too_large_at } => Item::TooLarge(*too_large_at),
            Self::IdTooLong { id_too_long_at } => Item::IdTooLong(*id_too_long_at),
        }
    }
}

/// Returns the rows of every file in a folder of `testdata/`, each with the file's name.
pub(crate) fn load<Row: DeserializeOwned>(folder: &str) -> Vec<(String, Row)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(folder);
    let listing = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = listing
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let mut rows = Vec::new();
    for path in paths {
        let source = fs::read_to_string(&path).expect("a readable file");
        let file: File<Row> =
            toml::from_str(&source).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        rows.extend(file.case.into_iter().map(|row| (name.clone(), row)));
    }
    assert!(!rows.is_empty(), "no cases in {}", folder.display());
    rows
}

fn unescape(escaped: &str) -> Vec<u8> {
    Vec::unescape_bytes(escaped)
}

pub(crate) fn text(escaped: &str) -> String {
    String::from_utf8(unescape(escaped)).expect("an expected text is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    #[test]
    fn the_reference_and_the_cases_agree() {
        for case in decode_cases()
            .into_iter()
            .filter(|case| case.limit.is_none())
        {
            let max_id_bytes = case.max_id_bytes.unwrap_or(reference::MAX_ID_BYTES);
            assert_eq!(
                reference::interpret_with(&case.stream, max_id_bytes),
                case.outcome,
                "{}",
                case.name
            );
        }
    }
}
