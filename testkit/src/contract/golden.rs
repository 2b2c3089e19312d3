//! Golden events of every contract server. The tests in browsers include this file, too.

/// Types and data of the events that every contract server sends, with IDs from 1.
pub const GOLDEN: [(&str, &str); 7] = [
    ("message", "hello"),
    ("update", "line 1\nline 2"),
    ("message", ""),
    ("message", "€豆腐😀"),
    ("message", " leading space kept"),
    ("message", r#"{"a":"b: c"}"#),
    ("done", "bye"),
];
