//! `sse get`: its requests and its output, with a real server on loopback.

mod support;

use std::io::Read;

use support::{Answer, Done, Running, Server, respond, run, sse, stream, wait};

const STREAM: &str =
    ": hi\n\ndata: a\n\nevent: add\nid: 1\ndata: b\ndata: c\n\nevent: add\ndata\n\n";

/// Returns the result of `sse get` for one stream.
fn get<const N: usize>(options: [&str; N]) -> Done {
    let server = Server::start([Answer::End(stream(STREAM))]);
    let mut command = sse(["get", "--no-reconnect", &server.url()]);
    run(command.args(options), "")
}

#[test]
fn events_are_readable() {
    let done = get([]);
    assert_eq!(done.stdout, "a\n[add #1]\n  b\n  c\n[add #1]\n");
    assert_eq!((done.code, &*done.stderr), (Some(0), ""));
    assert!(get(["--comments"]).stdout.starts_with(": hi\na\n"));
    assert_eq!(get(["--type", "message"]).stdout, "a\n");
}

#[test]
fn events_are_lines_of_json() {
    let a = r#"{"type":"message","data":"a","lastEventId":""}"#;
    let b = r#"{"type":"add","data":"b\nc","lastEventId":"1"}"#;
    let c = r#"{"type":"add","data":"","lastEventId":"1"}"#;
    assert_eq!(get(["--json"]).stdout, format!("{a}\n{b}\n{c}\n"));
    let done = get(["--json", "--comments", "-n", "1"]);
    assert_eq!(done.stdout, format!("{{\"comment\":\" hi\"}}\n{a}\n"));
    let done = get(["--json", "--type=add", "--type=x", "--count=2"]);
    assert_eq!(done.stdout, format!("{b}\n{c}\n"));
}

#[test]
fn raw_is_what_came() {
    let body = b"\xEF\xBB\xBFdata: \xFF\x1b[31m\r\r\n: \0\ndata: not finished";
    let server = Server::start([Answer::End(stream(body))]);
    let output = sse(["get", "--raw", &server.url()]).output().unwrap();
    assert_eq!(output.stdout, body);
    assert!(output.status.success() && output.stderr.is_empty());
    let request = &server.requests()[0];
    assert!(request.contains("accept-encoding: identity"), "{request}");
}

#[test]
fn raw_is_there_before_the_line_is() {
    let server = Server::start([Answer::Hang(stream("data: the first ha"))]);
    let mut running = Running::start(&mut sse(["get", "--raw", &server.url()]));
    running.stdout.expect("data: the first ha");
}

#[test]
fn an_event_is_there_before_the_next() {
    for (option, line) in [("--comments", "a\n"), ("--json", "\"lastEventId\":\"\"}\n")] {
        let server = Server::start([Answer::Hang(stream("data: a\n\n"))]);
        let mut running = Running::start(&mut sse(["get", option, &server.url()]));
        running.stdout.expect(line);
        assert!(running.child.try_wait().unwrap().is_none());
    }
}

#[test]
fn it_ends_when_there_are_enough() {
    let server = Server::start([Answer::Hang(stream("data: a\n\ndata: b\n\ndata: c\n\n"))]);
    let done = run(&mut sse(["get", "-n", "2", &server.url()]), "");
    assert_eq!((done.code, &*done.stdout), (Some(0), "a\nb\n"));
}

#[test]
fn headers_and_data_are_sent() {
    let answer = || Answer::End(stream("data: a\n\n"));
    let server = Server::start([answer(), answer(), answer()]);
    let url = server.url();
    let mut command = sse(["get", &url, "-H", "X-Token: a:b", "-H", "accept: */*"]);
    command.args(["-H", "User-Agent:", "-H", "Last-Event-ID: 7€", "-n1"]);
    assert_eq!(run(&mut command, "").stdout, "[#7€] a\n");
    // The command does not repeat a POST when its stream ends.
    let done = run(&mut sse(["get", &url, "-d", "{\"a\":\r\n1}"]), "");
    assert_eq!((done.code, &*done.stderr), (Some(0), ""));
    let mut command = sse(["get", "-X", "PUT", "-d@-", "--last-event-id=é", &url]);
    assert_eq!(run(&mut command, "a=1\r\n").code, Some(0));

    let requests = server.requests();
    let has = |number: usize, lines: &[&str]| {
        for line in lines {
            let request = &requests[number];
            assert!(
                request.contains(&format!("{line}\r\n")),
                "{line}: {request}"
            );
        }
    };
    let first = ["x-token: a:b", "accept: */*", "last-event-id: 7€"];
    has(0, &["GET /events?a=b HTTP/1.1"]);
    has(0, &first);
    assert!(!requests[0].contains("user-agent") && !requests[0].contains("text/event-stream"));
    has(
        1,
        &["POST /events?a=b HTTP/1.1", "accept: text/event-stream"],
    );
    has(1, &["content-type: application/json"]);
    assert!(requests[1].ends_with("\r\n\r\n{\"a\":\r\n1}"));
    has(2, &["PUT /events?a=b HTTP/1.1", "last-event-id: é"]);
    has(2, &["content-type: application/x-www-form-urlencoded"]);
    assert!(requests[2].ends_with("\r\n\r\na=1\r\n"));
}

/// Checks that a secret in a file does not appear on the command line, which other users of this machine can see.
#[cfg(target_os = "linux")]
#[test]
fn headers_come_from_a_file_and_not_from_the_command_line() {
    let file = std::env::temp_dir().join(format!("sse-headers-{}", std::process::id()));
    let lines = "Authorization: Bearer s3cret-value\r\n\n  X-Two : é: \nAccept:\nx-two: b";
    std::fs::write(&file, lines).unwrap();
    let from_file = format!("@{}", file.display());
    let server = Server::start([
        Answer::Hang(stream("data: a\n\n")),
        Answer::End(stream("data: b\n\n")),
    ]);
    let url = server.url();
    let mut running = Running::start(&mut sse(["get", &url, "-H", &from_file, "-H", "X-Two: c"]));
    running.stdout.expect("a\n");
    let arguments = std::fs::read(format!("/proc/{}/cmdline", running.child.id())).unwrap();
    let arguments = String::from_utf8(arguments).unwrap();
    assert!(arguments.contains("sse-headers-"), "{arguments:?}");
    assert!(!arguments.contains("s3cret"), "{arguments:?}");
    // Other users cannot see stdin, either.
    let mut command = sse(["get", &url, "--no-reconnect", "--header=@-"]);
    assert_eq!(run(&mut command, lines).stdout, "b\n");
    let requests = server.requests();
    for (request, values) in [(&requests[0], 3), (&requests[1], 2)] {
        let has = |line: &str| request.contains(&format!("{line}\r\n"));
        assert!(has("authorization: Bearer s3cret-value"), "{request}");
        assert!(has("x-two: é:") && has("x-two: b"), "{request}");
        assert_eq!(request.matches("x-two: ").count(), values, "{request}");
        assert!(!request.contains("text/event-stream"), "{request}");
    }
    // An error has the number of the line, but not its text.
    for (lines, reason) in [
        (
            "A: b\n\ns3cret\n",
            "line 3: there is no colon after the name",
        ),
        ("s3cret value: b", "line 1: invalid HTTP header name"),
        ("A: s3cret\0", "line 1: failed to parse header value"),
    ] {
        std::fs::write(&file, lines).unwrap();
        let done = run(&mut sse(["get", &url, "-H", &from_file]), "");
        let expected = format!("sse: {}: {reason}\n", file.display());
        assert_eq!((done.code, &*done.stderr), (Some(1), &*expected));
        let done = run(&mut sse(["get", &url, "-H@-"]), lines);
        let expected = format!("sse: stdin: {reason}\n");
        assert_eq!((done.code, &*done.stderr), (Some(1), &*expected));
    }
    std::fs::remove_file(&file).unwrap();
    let done = run(&mut sse(["get", &url, "-H", &from_file]), "");
    let expected = format!("sse: cannot read {}: ", file.display());
    assert!(done.stderr.starts_with(&expected), "{}", done.stderr);
    for twice in [["-H@-", "-d@-"], ["-H@-", "-H@-"]] {
        let done = run(sse(["get", &url]).args(twice), lines);
        assert_eq!(done.code, Some(1));
        assert!(
            done.stderr.contains("two options read stdin"),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn each_number_works_or_is_refused_with_its_reason() {
    const MAX: &str = "18446744073709551615";
    for option in [
        "--count=1",
        &format!("--count={MAX}"),
        "--idle-timeout=1000",
        &format!("--idle-timeout={MAX}"),
        "--idle-timeout=1e300",
    ] {
        for more in ["--json", "--no-reconnect"] {
            let server = Server::start([Answer::Hang(stream("data: a\n\n"))]);
            let mut running = Running::start(&mut sse(["get", &server.url(), option, more]));
            running.stdout.expect("a");
            if option != "--count=1" {
                assert!(running.child.try_wait().unwrap().is_none(), "{option}");
            }
        }
    }
    for (option, reason) in [
        ("--count=0", "0 is not in 1.."),
        ("--count=18446744073709551616", "number too large"),
        ("--idle-timeout=0", "longer than 0"),
        ("--idle-timeout=-1", "longer than 0"),
        ("--idle-timeout=NaN", "longer than 0"),
        ("--idle-timeout=x", "not a number of seconds"),
    ] {
        let done = run(&mut sse(["get", "localhost:1", option]), "");
        assert_eq!(done.code, Some(2), "{option}");
        assert!(done.stderr.contains(reason), "{option}: {}", done.stderr);
    }
    // With the minimum value, nothing arrives in time.
    let server = Server::start([Answer::Hang(stream("data: a\n\n"))]);
    let options = ["--no-reconnect", "--idle-timeout=0.000000001"];
    let done = run(sse(["get", &server.url()]).args(options), "");
    assert_eq!(done.code, Some(1), "{}", done.stderr);
}

#[test]
fn a_redirect_is_told() {
    for option in ["--json", "--raw"] {
        let target = Server::start([Answer::End(stream("data: a\n\n"))]);
        let headers = format!("Location: {}\r\n", target.url());
        let moved = respond("307 Temporary Redirect", &headers, "");
        let server = Server::start([Answer::End(moved)]);
        let done = run(&mut sse(["get", option, "-X", "PUT", &server.url()]), "");
        let expected = format!("sse: redirected to {}\n", target.url());
        assert_eq!((done.code, done.stderr), (Some(0), expected), "{option}");
    }
}

#[test]
fn it_ends_with_its_reader() {
    for option in ["--json", "--raw"] {
        let server = Server::start([Answer::Hang(stream("data: a\n\n"))]);
        let mut child = sse(["get", option, &server.url()]).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        drop(stdout);
        assert!(wait(&mut child).success());
        let mut stderr = String::new();
        let mut pipe = child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        assert_eq!(stderr, "");
    }
}

#[test]
fn it_ends_with_the_reader_of_all_it_says() {
    let server = Server::start([Answer::End(stream("retry: 1\ndata: a\n\n"))]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = sse(["get", &server.url()]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    reader.read_exact(&mut [0; 2]).unwrap();
    drop(reader);
    assert!(wait(&mut child).success());
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    for arguments in [
        ["get", "ftp://a/", "--json"],
        ["get", "a", "--count=0"],
        ["get", "a", "--header=a"],
        ["get", "a", "--idle-timeout=-1"],
        ["get", "a", "--last-event-id=\n"],
        ["get", "--raw", "--json"],
    ] {
        let done = run(&mut sse(arguments), "");
        assert_eq!((done.code, &*done.stdout), (Some(2), ""), "{arguments:?}");
    }
}
