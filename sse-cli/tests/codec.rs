//! `sse decode` and `sse encode`.

mod support;

use std::io::Write;

use support::{Done, Running, run, sse};

fn decode(stream: impl AsRef<[u8]> + Send + 'static) -> Done {
    run(&mut sse(["decode"]), stream)
}

fn encode(lines: &str) -> Done {
    run(&mut sse(["encode"]), lines.to_owned())
}

const STREAM: &str = "\u{FEFF}: hi\r\ndata: a\r\rid: 1\nretry: 500\nevent: add\ndata: b\ndata\n\n\
                      data: \u{1F600}\0\u{9b}\\\"\n\nid\ndata:  c\n\nevent: message\nid: 2\ndata\n\n: cut";

const LINES: &str = r#"{"comment":" hi"}
{"type":"message","data":"a","lastEventId":""}
{"retry":500}
{"type":"add","data":"b\n","lastEventId":"1"}
{"type":"message","data":"😀\u0000\u009b\\\"","lastEventId":"1"}
{"type":"message","data":" c","lastEventId":""}
{"type":"message","data":"","lastEventId":"2"}
"#;

#[test]
fn a_stream_becomes_lines_and_a_stream_again() {
    let lines = decode(STREAM);
    assert_eq!((lines.code, &*lines.stdout), (Some(0), LINES));
    let stream = encode(&lines.stdout);
    assert_eq!((stream.code, &*stream.stderr), (Some(0), ""));
    assert_eq!(decode(stream.stdout).stdout, LINES);
}

#[test]
fn a_stream_that_ends_inside_an_event_is_told() {
    for end in [
        "data: {}\n",
        "data: {}",
        "event: completed\r\ndata: {}\r\n",
        "da",
    ] {
        let done = decode(format!("data: a\n\n{end}"));
        let line = "{\"type\":\"message\",\"data\":\"a\",\"lastEventId\":\"\"}\n";
        assert_eq!((done.code, &*done.stdout), (Some(1), line), "{end:?}");
        let expected = "the stream ends inside an event: there is no blank line after it";
        assert!(done.stderr.contains(expected), "{end:?}: {}", done.stderr);
        assert!(done.stderr.contains("1 event was skipped"), "{end:?}");
    }
}

#[test]
fn lines_become_a_stream() {
    let lines = r#"{"data":"a\r\nb","retry":7,"id":"1","type":"add"}

        {"data":"","lastEventId":"1"}
{"comment":"a\nb"}
{"retry":18446744073709551615}"#;
    let stream = "event: add\nid: 1\nretry: 7\ndata: a\ndata: b\n\ndata: \n\n:a\n:b\n\n\
                  retry: 18446744073709551615\n\n";
    assert_eq!(encode(lines).stdout, stream);
}

#[test]
fn a_bad_line_is_told_and_ends_it() {
    for (line, message) in [
        ("{", "column 1: EOF while parsing an object"),
        (r#"{"data":"a","x":1}"#, "column 15: unknown field `x`"),
        (
            r#"{"data":"a","type":"b\nc"}"#,
            "event type: LF at byte 1 would end the field",
        ),
        (r#"{"data":"a","id":"b\u0000"}"#, "event ID: NUL at byte 1"),
        (
            r#"{"data":"a","retry":-1}"#,
            "column 22: invalid value: integer `-1`",
        ),
        (
            r#"{"data":"a","comment":"b"}"#,
            "a comment has no other fields",
        ),
        (
            r#"{"data":"a","id":"b","lastEventId":"b"}"#,
            "`id` and `lastEventId`",
        ),
        (r#"{"id":"a"}"#, "missing field `data`"),
        ("{}", "missing field `data`"),
        (r#"["a",null,null,null,null,null]"#, "not a JSON object"),
        ("data: a", "not a JSON object"),
    ] {
        let done = encode(&format!("{{\"data\":\"a\"}}\n{line}\n{{\"data\":\"b\"}}\n"));
        assert_eq!((done.code, &*done.stdout), (Some(1), "data: a\n\n"));
        let start = format!("sse: line 2: {message}");
        assert!(done.stderr.starts_with(&start), "{line}: {}", done.stderr);
    }
}

#[test]
fn each_chunk_and_line_goes_out_at_once() {
    for (command, input, output) in [
        ("decode", "data: a\n\n", "\"lastEventId\":\"\"}\n"),
        ("encode", "{\"data\":\"a\"}\n", "data: a\n\n"),
    ] {
        let mut running = Running::start(&mut sse([command]));
        let mut stdin = running.child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        running.stdout.expect(output);
    }
}

#[test]
fn an_event_that_is_too_large_is_told_and_left_out() {
    let large = "x".repeat(17 * 1024 * 1024);
    let done = decode(format!("data: a\n\ndata: {large}\n\ndata: b\n\n"));
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stdout.matches("\"data\"").count(), 2);
    let first =
        "sse: the event at byte 9 of the stream is larger than the limit of 16777216 bytes\n";
    assert_eq!(done.stderr, format!("{first}sse: 1 event was skipped\n"));
}

#[test]
fn a_file_that_is_not_there_is_told() {
    for command in ["encode", "decode"] {
        let done = run(&mut sse([command, "/nowhere/at/all"]), "");
        assert_eq!(done.code, Some(1));
        assert!(
            done.stderr
                .starts_with("sse: cannot open /nowhere/at/all: ")
        );
    }
}
