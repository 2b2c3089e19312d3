//! The events that every contract server has. The tests in browsers have this file, too.

/// The types and the data of the events that every server of the contract has, with IDs from 1.
pub const GOLDEN: [(&str, &str); 7] = [
    ("message", "hello"),
    ("update", "line 1\nline 2"),
    ("message", ""),
    ("message", "€豆腐😀"),
    ("message", " leading space kept"),
    ("message", r#"{"a":"b: c"}"#),
    ("done", "bye"),
];
