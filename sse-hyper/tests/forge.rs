//! Tests that no public function can forge a field, an event or a comment in the bytes that are sent.
//!
//! The list of these functions is read from the sources, so each new function must be added to a list here.

mod ways;

use std::{collections::BTreeSet, fs, path::Path};

use ways::{Text, WAYS, check, strings};

/// Public types whose values are sent, or hold values that are sent.
const SENT: [&str; 11] = [
    "Comment",
    "Encoded",
    "Event",
    "EventBody",
    "EventCodec",
    "EventId",
    "EventStreamRequest",
    "EventType",
    "CloseEvent",
    "KeepAlive",
    "StreamTracker",
];

/// Functions that cannot send any text of a caller.
const READ_ONLY: &[&str] = &[
    // Getters.
    "Encoded::as_bytes",
    "Encoded::into_bytes",
    "Encoded::is_empty",
    "Encoded::len",
    "Event::data",
    "Event::event_type",
    "Event::id",
    "Event::into_data",
    "Event::last_event_id",
    "Event::retry",
    "EventCodec::decoder",
    "EventCodec::into_decoder",
    "StreamTracker::open_streams",
    // Compressed form of what other functions encode.
    "deflate",
    "Encoded::deflated",
    "Encoded::keep_deflated",
    "Encoded::keeps_deflated",
    "StreamTracker::gzip_frames",
    // Waiting.
    "StreamTracker::closed",
    "StreamTracker::run_server",
    // Decoding.
    "EventCodec::new",
    "codec::Decoder for EventCodec",
    "Default for EventCodec",
    // Times and timers only.
    "StreamConfig::new",
    "StreamConfig::max_age",
    "StreamConfig::gzip",
    "StreamConfig::keep_alive",
    "Default for StreamConfig",
    // Reads a request; the methods that return its texts are tested.
    "EventStreamRequest::new",
    "FromRequestParts<C> for EventStreamRequest",
    // Calls `EventBody::into_response`, which is tested.
    "IntoResponse for EventBody<S>",
    // Getters of both validated texts.
    "Deref for $name",
    "AsRef<str> for $name",
    "Borrow<str> for $name",
    "AsRef<[u8]> for $name",
    "Display for $name",
    "$name::as_str",
    "PartialEq<str> for $name",
    "PartialEq<&str> for $name",
    "PartialEq<String> for $name",
    // Getter of a trait.
    "AsEvent for Event",
    // Sealed traits of items and errors, which a body calls.
    "IntoFrame for Encoded",
    "WriteFrame for Encoded",
    // Has no text of a caller.
    "Display for CloseEvent",
    // Trait of the body, for servers.
    "Body for EventBody<S>",
    // Checks of a response.
    "is_event_stream",
    "retry_after_seconds",
];

#[test]
fn every_way_is_taken() {
    let public = public_api();
    let listed: BTreeSet<String> = WAYS
        .iter()
        .map(|(name, _)| *name)
        .chain(READ_ONLY.iter().copied())
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = public.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&public).collect();
    assert!(
        missing.is_empty(),
        "in the public API, but in no list: {missing:#?}"
    );
    assert!(
        stale.is_empty(),
        "in a list, but not in the public API: {stale:#?}"
    );
}

#[test]
fn nothing_can_be_forged_by_any_of_them() {
    const EVIL: [&str; 14] = [
        "",
        "a",
        "a b",
        "x\ndata: one\n\nevent: admin",
        "1\nretry: 0\n\n",
        "\r",
        "\n",
        "\r\n",
        "\n\n",
        "a\0",
        "a\rid: 7\r\r",
        ": c\ndata: d\n\n",
        "message",
        "\u{FEFF}data: €\u{2028}",
    ];
    for event_type in EVIL {
        for data in EVIL {
            for id in EVIL {
                for comment in ["", "c\n\ndata: forged\n\n", "a\rb\r\nc\n"] {
                    let text: Text = [event_type, data, id, comment].map(str::to_owned);
                    for (name, way) in WAYS {
                        check(name, *way, &text);
                    }
                }
            }
        }
    }
    let [event_type, ..] = strings(b"a\xFFb\xFFc\xFFd");
    assert_eq!(event_type, "a");
}

#[test]
fn a_new_one_is_seen() {
    const NEW: &str = "#[derive(Default, Deserialize)]\npub struct EventType(String);\n\
        impl<T> From<T> for EventId\nwhere\n    T: AsRef<str>,\n{\n    fn from() {}\n}\n\
        impl Event {\n    pub const fn forged() {}\n    fn private() {}\n}\n\
        pub fn free() {}\nimpl Debug for Event {}\nimpl Other {\n    pub fn other() {}\n}\n";
    let mut seen = BTreeSet::new();
    scan("sse-proto", NEW, &mut seen);
    let expected = [
        "Default for EventType",
        "Deserialize for EventType",
        "Event::forged",
        "From<T> for EventId",
        "free",
    ];
    assert_eq!(Vec::from_iter(seen), expected);
}

/// Returns all public functions and conversions of both crates that affect the bytes that are sent.
///
/// The sources must be formatted by `rustfmt`.
fn public_api() -> BTreeSet<String> {
    let mut api = BTreeSet::new();
    for (name, folder) in [("sse-proto", "../sse-proto/src"), ("sse-hyper", "src")] {
        for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
            let source = fs::read_to_string(&file).expect("a source");
            scan(name, &source, &mut api);
        }
    }
    api
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("sources")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

fn scan(package: &str, source: &str, api: &mut BTreeSet<String>) {
    let source = source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    // Type of the `impl` block that the line is in, unless the block is of a trait.
    let mut target = None;
    let mut derives = String::new();
    let mut header = None;
    for line in source.split('\n') {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if let Some(list) = code.strip_prefix("#[derive(") {
            derives = list.to_owned();
        }
        for kind in ["struct", "enum"] {
            if let Some(rest) = code.strip_prefix(&format!("pub {kind} ")) {
                let name = rest
                    .split(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default();
                for made in ["Default", "Deserialize"] {
                    if is_sent(package, name) && derives.contains(made) {
                        api.insert(format!("{made} for {name}"));
                    }
                }
                derives.clear();
            }
        }
        if code.starts_with("impl") && (indent == 0 || code.contains("$name")) {
            header = Some(String::new());
        }
        if let Some(open) = &mut header {
            open.push_str(code);
            open.push(' ');
            if code.ends_with(['{', '}']) {
                let (of_trait, of_type) = heading(open);
                header = None;
                let name = of_type.split('<').next().unwrap_or_default().to_owned();
                target = None;
                if is_sent(package, &name) || of_type == "$name" {
                    match of_trait {
                        None => target = Some(name),
                        Some(of_trait) if is_harmless(&of_trait) => {}
                        Some(of_trait) => {
                            let shown = match name.as_str() {
                                "EventBody" => of_type,
                                _ => name,
                            };
                            api.insert(format!("{of_trait} for {shown}"));
                        }
                    }
                }
            }
            continue;
        }
        if line == "}" {
            target = None;
        }
        if let Some(function) = public_function(code) {
            match &target {
                Some(target) => _ = api.insert(format!("{target}::{function}")),
                None if indent == 0 => _ = api.insert(function.to_owned()),
                None => {}
            }
        }
    }
}

fn is_sent(package: &str, name: &str) -> bool {
    // Another crate, the client, also has a type with the name `StreamConfig`.
    SENT.contains(&name) || (name, package) == ("StreamConfig", "sse-hyper")
}

/// Returns whether the trait cannot create or send a value of its type.
fn is_harmless(name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or_default();
    [
        "Clone",
        "Debug",
        "Eq",
        "PartialEq",
        "Hash",
        "Ord",
        "PartialOrd",
        "Drop",
        "Error",
    ]
    .contains(&name)
}

fn public_function(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("pub ")?;
    let rest = ["const ", "async "]
        .iter()
        .fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    rest.strip_prefix("fn ")?
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .next()
}

/// Returns the trait, if any, and the type of an `impl`.
fn heading(header: &str) -> (Option<String>, String) {
    let header = header.split('{').next().unwrap_or_default();
    let mut rest = header.trim_start().strip_prefix("impl").unwrap_or_default();
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            depth += match c {
                '<' => 1,
                '>' => -1,
                _ => 0,
            };
            depth == 0
        });
        rest = &rest[end.map_or(0, |(at, _)| at + 1)..];
    }
    let rest = rest.split(" where ").next().unwrap_or_default().trim();
    let short = |name: &str| {
        name.trim()
            .trim_start_matches("fmt::")
            .trim_start_matches("http_body::")
            .to_owned()
    };
    match rest.split_once(" for ") {
        Some((of_trait, of_type)) => {
            let of_trait = match of_trait.trim().strip_prefix("codec::Encoder") {
                Some(encoded) => format!("Encoder{encoded}"),
                None => short(of_trait),
            };
            (Some(of_trait), short(of_type))
        }
        None => (None, short(rest)),
    }
}
