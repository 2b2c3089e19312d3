//! Compiler messages that explain how to write an authorizer.
//!
//! Each case is compiled separately: the test compiles this file with a `cfg` that names the case.
#![allow(unexpected_cfgs, reason = "the names of the cases")]

use std::process::Command;

#[cfg(case = "no closure")]
fn case(builder: sse_hub::SubscriptionBuilder) {
    drop(builder.subscribe_authorized(()));
}

#[cfg(case = "a reference")]
fn case(builder: sse_hub::SubscriptionBuilder) {
    use sse_hub::{Grant, TopicFilters};

    drop(builder.subscribe_authorized(|_: &TopicFilters| async { Ok(Grant::forever()) }));
}

/// Returns the compiler's message for a case.
fn message(case: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--quiet", "--package=sse-hub", "--all-features"]);
    cargo.args(["--test=messages", "--", "--cfg"]);
    let output = cargo.arg(format!("case={case:?}")).output().expect("cargo");
    assert!(!output.status.success(), "{case} can be compiled");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn they_say_how_to_write_an_authorizer() {
    for (case, texts) in [
        (
            "no closure",
            [
                "`()` is not an `Authorizer`",
                "`|filters: TopicFilters| async move { Ok(Grant::forever()) }`",
            ],
        ),
        (
            "a reference",
            [
                "expected closure signature `fn(TopicFilters)",
                "`Authorizer`",
            ],
        ),
    ] {
        let message = message(case);
        for text in texts {
            assert!(message.contains(text), "{case}: no {text:?} in {message}");
        }
    }
}
