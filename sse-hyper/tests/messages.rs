//! Tests the compiler's messages for streams that cannot be sent: they show a solution and name no private trait.
//!
//! For each case, this file is compiled with a `cfg` that names the case.
#![allow(unexpected_cfgs, reason = "names of cases")]

use std::process::Command;

#[cfg(case = "errors without a message")]
fn case(events: impl futures_util::Stream<Item = Result<sse_hyper::Event, ()>>) {
    let _ = sse_hyper::StreamTracker::default().body(events);
}

/// Stream with items like those of `BroadcastStream` of tokio-stream.
#[cfg(case = "results of text")]
fn case(events: impl futures_util::Stream<Item = Result<String, std::num::ParseIntError>>) {
    let _ = sse_hyper::respond(&http::Request::new(()), events);
}

#[cfg(case = "text")]
fn case(events: impl futures_util::Stream<Item = String>) {
    let _ = sse_hyper::EventBody::new(events);
}

#[cfg(case = "static text")]
fn case() {
    let events = futures_util::stream::iter(["a"]);
    let _ = sse_hyper::StreamTracker::default().respond(&http::Request::new(()), events);
}

#[cfg(case = "a list")]
fn case() {
    let _ = sse_hyper::EventBody::new(vec![sse_hyper::Event::new("a")]);
}

#[cfg(case = "a receiver")]
fn case(events: tokio::sync::mpsc::Receiver<sse_hyper::Event>) {
    let _ = sse_hyper::EventBody::new(events);
}

/// Returns the message of the compiler for a case.
fn message(case: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--quiet", "--package=sse-hyper", "--all-features"]);
    cargo.args(["--test=messages", "--", "--cfg"]);
    let output = cargo.arg(format!("case={case:?}")).output().expect("cargo");
    assert!(!output.status.success(), "case {case:?} compiles");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn messages_say_what_to_write() {
    let new = "write `.map(Event::new)`";
    let iter = "write `futures_util::stream::iter(events)`";
    let cases = [
        (
            "errors without a message",
            "`Result<Event, ()>` cannot be sent as a server-sent event",
            "the error of a result has to be a `std::error::Error` or a `CloseEvent`",
        ),
        (
            "results of text",
            "`Result<String, ParseIntError>` cannot be sent",
            "write `.map_ok(Event::new)`",
        ),
        ("text", "`String` cannot be sent", new),
        ("static text", "`&str` cannot be sent", new),
        ("a list", "`Vec<Event>` is not a stream of events", iter),
        (
            "a receiver",
            "Receiver<Event>` is not a stream of events",
            "ReceiverStream::new(receiver)",
        ),
    ];
    for (case, fault, remedy) in cases {
        let message = message(case);
        for text in [fault, remedy] {
            assert!(message.contains(text), "{case}: no {text:?} in {message}");
        }
        for private in ["sealed", "WriteFrame", "CloseStream"] {
            assert!(!message.contains(private), "{case}: {message}");
        }
    }
}
