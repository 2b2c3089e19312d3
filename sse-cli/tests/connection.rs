//! `sse get` with streams that end or break, and with other responses.

mod support;

use support::{Answer, Server, respond, run, sse, stream};

#[test]
fn it_goes_on_where_the_stream_ended() {
    let server = Server::start([
        Answer::End(stream("retry: 1\n\nid: 1\ndata: a\n\ndata: los")),
        Answer::End(respond("503 Busy", "", "")),
        Answer::End(stream("id: 2\ndata: b\n\n")),
        Answer::End(respond("204 No Content", "", "")),
    ]);
    let done = run(&mut sse(["get", &server.url()]), "");
    assert_eq!(done.stdout, "[#1] a\n[#2] b\n");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let lines: Vec<_> = done.stderr.split_terminator('\n').collect();
    let [end, busy, again, _, stop] = lines[..] else {
        panic!("{lines:?}");
    };
    let ended = "sse: the server ended the stream inside an event; reconnecting in 0.";
    assert!(end.starts_with(ended), "{end}");
    assert!(busy.starts_with("sse: status 503 Service Unavailable; reconnecting in "));
    assert_eq!(again, "sse: reconnected");
    assert_eq!(stop, "sse: the server asks to stop: status 204");
    let ids = server.requests();
    let id = |id: &str| format!("\r\nlast-event-id: {id}\r\n");
    assert!(!ids[0].contains("last-event-id"));
    assert!(ids[1].contains(&id("1")) && ids[2].contains(&id("1")) && ids[3].contains(&id("2")));
}

#[test]
fn it_says_why_there_are_no_events() {
    let html = "Content-Type: text/html\r\n";
    let server = Server::start([
        Answer::End(respond("403 Forbidden", html, "Go \x1b[31maway\r\nnow\n")),
        Answer::End(respond("200 OK", "", "x".repeat(2000))),
        Answer::End(respond("503 Busy", "", "full")),
        Answer::End(respond("200 OK", html, "no")),
    ]);
    let url = server.url();
    let refused = |option: &str| {
        let done = run(&mut sse(["get", option, &url]), "");
        assert_eq!((done.code, &*done.stdout), (Some(1), ""));
        done.stderr
    };
    let expected = "sse: status 403 Forbidden, text/html\n  Go \\u{1b}[31maway\n  now\n";
    assert_eq!(refused("--json"), expected);
    let stderr = refused("--json");
    let expected = "sse: not an event stream: status 200 OK, no Content-Type\n  xxx";
    assert!(stderr.starts_with(expected) && stderr.ends_with("x …\n") && stderr.len() < 1000);
    let expected = "sse: status 503 Service Unavailable, no Content-Type\n  full\n";
    assert_eq!(refused("--no-reconnect"), expected);
    let expected = "sse: not an event stream: status 200 OK, text/html\n  no\n";
    assert_eq!(refused("--raw"), expected);
}

#[test]
fn a_stream_that_breaks_is_an_error_without_reconnecting() {
    let headers = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
    let cut = respond("200 OK", headers, "9\r\ndata: a\n\n\r\n9\r\nda");
    let quiet = Answer::Hang(stream("data: a\n\n"));
    let silent = Answer::Hang(Vec::new());
    let server = Server::start([Answer::End(cut), quiet, silent]);
    let url = server.url();
    let done = run(&mut sse(["get", "--no-reconnect", &url]), "");
    assert_eq!((done.code, &*done.stdout), (Some(1), "a\n"));
    assert!(done.stderr.starts_with("sse: "), "{}", done.stderr);
    let mut command = sse(["get", "--no-reconnect", "--idle-timeout=0.1", &url]);
    let done = run(&mut command, "");
    assert_eq!((done.code, &*done.stdout), (Some(1), "a\n"));
    assert_eq!(done.stderr, "sse: nothing came for too long\n");
    let done = run(&mut command, "");
    assert_eq!(done.stderr, "sse: no response in time\n");
}

#[test]
fn a_stream_that_ends_inside_an_event_is_an_error_without_reconnecting() {
    let body = "data: a\n\nevent: completed\ndata: {}\n";
    let answers = [0; 3].map(|_| Answer::End(stream(body)));
    let server = Server::start(answers);
    let url = server.url();
    for output in ["--json", "--comments"] {
        let done = run(&mut sse(["get", "--no-reconnect", output, &url]), "");
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        let expected = "sse: the server ended the stream inside an event\n";
        assert_eq!(done.stderr, expected);
    }
    // With --raw, the output has all bytes, so an incomplete event is not an error.
    let done = run(&mut sse(["get", "--raw", &url]), "");
    assert_eq!(
        (done.code, &*done.stdout),
        (Some(0), body),
        "{}",
        done.stderr
    );
}

#[test]
fn nobody_there_is_an_error_with_its_cause() {
    let done = run(&mut sse(["get", "--no-reconnect", "127.0.0.1:1"]), "");
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("refused"), "{}", done.stderr);
}
