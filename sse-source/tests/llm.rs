//! Output of the example `llm`.

use std::process::Command;

#[test]
fn the_answers_are_whole() {
    let output = Command::new(testkit::example::program("llm"))
        .output()
        .expect("the example runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).expect("UTF-8"),
        "/v1/chat/completions: Hello to you, too! 😀\nBye.\n\
         /v1/messages: Hello to you, too! 😀\nBye.\n"
    );
}
