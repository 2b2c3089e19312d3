//! Checks `sse hub --mercure` with curl, and with packages for Mercure and for event streams, in Node and in Python.
//! Those for earlier drafts need `--mercure-compatibility`.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result, ensure};
use interop::{
    curl::{self, Curl, HTTP_1, HTTP_2},
    folder, items,
    mercure::{Hub, SECRET, earlier_token},
    process::output,
};
use serde_json::{Value, json};
use testkit::{Item, timeout::test_timeout};

const BOOK: &str = "https://example.com/books/1";
const ALTERNATE: &str = "https://example.com/alternate";

/// URI template for [`BOOK`].
const BOOKS: &str = "https://example.com/books/{id}";

#[test]
fn curl_publishes_subscribes_and_resumes() -> Result<()> {
    let hub = Hub::start(&[])?;
    let (publisher, subscriber) = (hub.token(&["publish"])?, hub.token(&["subscribe"])?);
    let publish = |data| hub.publish(&publisher, &[("topic", BOOK), ("private", "on"), data]);
    for version in [HTTP_1, HTTP_2] {
        let subscribe = |query: &str, options: &[&str]| {
            let url = format!("{}{query}", hub.url());
            subscribe(
                &url,
                &[version, &["--oauth2-bearer", &subscriber], options].concat(),
            )
        };
        let mut live = subscribe(&format!("?match={BOOK}"), &[])?;
        live.wait_until_open()?;
        let first = publish(("data", "first\nsecond line"))?;
        let second = publish(("data", "second"))?;
        let both = [
            event("message", "first\nsecond line", &first),
            event("message", "second", &second),
        ];
        ensure!(live.read_events(2)? == both);

        let head = head_file()?;
        let resumed = [
            ["--header", &format!("Last-Event-ID: {first}")],
            ["--dump-header", &head],
        ];
        let resumed = resumed.as_flattened();
        let events = subscribe(&format!("?match={BOOK}"), resumed)?.read_events(1)?;
        ensure!(events == both[1..], "{events:?}");
        let head = fs::read_to_string(head)?.to_ascii_lowercase();
        ensure!(
            head.contains(&format!("mercure-last-event-id: {first}")),
            "{head}"
        );

        // RFC 10008
        let query = [
            ["--request", "QUERY"],
            [
                "--data-urlencode",
                "match_urlpattern=https://example.com/:any/1",
            ],
            ["--data-urlencode", &format!("last_event_id={first}")],
        ];
        let events = subscribe("", query.as_flattened())?.read_events(1)?;
        ensure!(events == both[1..], "{events:?}");
    }
    for options in [
        &[][..],
        &["--oauth2-bearer", &earlier_token(&["subscribe"], &["*"])?],
    ] {
        let refused = curl::response(&format!("{}?match={BOOK}", hub.url()), options);
        let error = format!("{:?}", refused.err().context("no refusal")?);
        ensure!(error.contains("401"), "{error}");
    }
    Ok(())
}

#[test]
fn curl_sends_what_earlier_drafts_have() -> Result<()> {
    let hub = Hub::start_compatible(&[])?;
    let publisher = earlier_token(&["publish"], &["*"])?;
    let before = hub.publish(&publisher, &[("topic", "before")])?;
    let book = [
        ("topic", BOOK),
        ("topic", ALTERNATE),
        ("private", "on"),
        ("id", "urn:uuid:5e94c686-2c0b-4f9b-958c-92ccc3bbb4eb"),
        ("type", "update"),
        ("retry", "50"),
        ("data", "private"),
    ];
    let id = hub.publish(&publisher, &book)?;
    ensure!(id == book[3].1, "{id}");
    let public = hub.publish(&publisher, &[("topic", BOOK), ("data", "public")])?;
    let expected = [
        event("update", "private", &id),
        event("message", "public", &public),
    ];

    let all = earlier_token(&["subscribe"], &["*"])?;
    let books = earlier_token(&["subscribe"], &[BOOKS])?;
    let cookie = format!("mercureAuthorization={all}");
    let anonymous: &[&str] = &[];
    for (query, options, count) in [
        (format!("topic={BOOK}"), &["--oauth2-bearer", &all][..], 2),
        (format!("topic={BOOKS}"), &["--oauth2-bearer", &books], 2),
        ("topic=*".to_owned(), &["--cookie", &cookie], 2),
        (
            format!("topic=x&topic={BOOK}&authorization={all}"),
            anonymous,
            2,
        ),
        ("topic=*".to_owned(), anonymous, 1),
    ] {
        let url = format!("{}?{query}&lastEventID={before}", hub.url());
        // An ID of the hub begins with `#`.
        let url = url.replace('#', "%23");
        let mut subscriber = subscribe(&url, &[&["--globoff"], options].concat())?;
        let events = subscriber.read_events(count)?;
        ensure!(events == expected[2 - count..], "{query}: {events:?}");
    }
    let head = head_file()?;
    let url = format!("{}?topic={ALTERNATE}&lastEventID=earliest", hub.url());
    let options = ["--oauth2-bearer", &all, "--dump-header", &head];
    let stream = subscribe(&url, &options)?.read_until(|bytes| bytes.ends_with(b"private\n\n"))?;
    let stream = String::from_utf8(stream)?;
    ensure!(stream.contains("retry: 50\n"), "{stream}");
    let head = fs::read_to_string(head)?.to_ascii_lowercase();
    ensure!(head.contains("\r\nlast-event-id: earliest"), "{head}");
    Ok(())
}

#[test]
fn packages_of_npm() -> Result<()> {
    let mut node = Command::new("node");
    node.arg(folder::prepared("clients/mercure.mjs")?);
    packages(node)
}

#[test]
fn packages_of_python() -> Result<()> {
    let mut python = Command::new(folder::prepared("python/bin/python3")?);
    python.arg(folder::prepared("clients/mercure.py")?);
    packages(python)
}

/// Runs a script with publishers and subscribers of several packages, and checks that each subscriber gets the updates
/// of all publishers. The script prints the published events, and the events of each subscriber.
fn packages(mut script: Command) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Printed {
        published: Value,
        received: BTreeMap<String, Value>,
    }

    let (current, earlier) = (Hub::start(&[])?, Hub::start_compatible(&[])?);
    let setup = json!({
        "current": {
            "url": current.url(),
            "publisher": current.token(&["publish"])?,
            "subscriber": current.token(&["subscribe"])?,
        },
        "earlier": {
            "url": earlier.url(),
            "publisher": earlier_token(&["publish"], &["*"])?,
            "subscriber": earlier_token(&["subscribe"], &["*"])?,
        },
        "secret": SECRET,
    });
    script.arg(setup.to_string()).env("NO_PROXY", "*");
    let printed: BTreeMap<String, Printed> = serde_json::from_slice(&output(&mut script)?)?;
    for (
        draft,
        Printed {
            published,
            received,
        },
    ) in printed
    {
        let published = items(&published)?;
        ensure!(!published.is_empty() && !received.is_empty(), "{draft}");
        for (client, events) in &received {
            let events = items(events)?;
            ensure!(events == published, "{draft}, {client}: {events:?}");
        }
        let clients: Vec<_> = received.keys().collect();
        eprintln!("{draft}: {clients:?} got {} updates", published.len());
    }
    Ok(())
}

/// Subscribes with curl and these options.
fn subscribe(url: &str, options: &[&str]) -> Result<Curl> {
    let limit = test_timeout().as_secs().max(1).to_string();
    Curl::start(url, &[options, &["--max-time", &limit]].concat())
}

/// Returns the name of a file that does not exist yet, for the head of a response.
fn head_file() -> Result<String> {
    let file = folder::scratch("head")?.join("head");
    Ok(file.to_str().context("path is not UTF-8")?.to_owned())
}

fn event(event_type: &str, data: &str, id: &str) -> Item {
    Item::Event {
        event_type: event_type.to_owned(),
        data: data.to_owned(),
        last_event_id: id.to_owned(),
    }
}
