//! `sse publish` with a real hub.
#![cfg(feature = "hub")]

mod support;

use std::process::Command;

use support::{
    Done, Running, Server,
    hub::{Hub, TOKEN},
    run, sse,
};

fn publish(hub: &Hub, options: &[&str], input: &'static str) -> Done {
    run(command(hub).args(options), input)
}

fn command(hub: &Hub) -> Command {
    let mut command = sse(["publish", &hub.address]);
    command.env("SSE_HUB_PUBLISH_TOKEN", TOKEN);
    command
}

fn subscribe(hub: &Hub) -> Running {
    let url = format!("{}/events?topic=a/**", hub.address);
    Running::start(&mut sse(["get", "--json", "--comments", &url]))
}

#[tokio::test]
async fn events_are_published_and_their_ids_printed() {
    let hub = Hub::start([]);
    let mut subscriber = subscribe(&hub);
    subscriber.stdout.expect("comment");
    let one = publish(
        &hub,
        &["--topic", "a/1", "-t", "a/ü", "--type", "x", "é\n 2"],
        "",
    );
    let two = publish(
        &hub,
        &["-t", "a/2", "--compaction-key", "k"],
        "from stdin\r\nline 2\r\n",
    );
    let lines = "{\"topic\": \"a/3\", \"data\": {\"b\": 1}}\n\n{\"topics\": [\"a\", \"a/4\"], \"data\": \"\"}\n";
    let three = publish(&hub, &["--lines"], lines);
    let empty = publish(&hub, &["--lines"], "");
    let ids: Vec<_> = [&one, &two, &three, &empty]
        .into_iter()
        .flat_map(|done| {
            assert_eq!((done.code, &*done.stderr), (Some(0), ""));
            done.stdout.split_terminator('\n')
        })
        .collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    for (id, event) in ids.iter().zip([
        r#"{"type":"x","data":"é\n 2","#,
        r#"{"type":"message","data":"from stdin\nline 2","#,
        r#"{"type":"message","data":"{\"b\": 1}","#,
        r#"{"type":"message","data":"","#,
    ]) {
        let line = format!("{event}\"lastEventId\":\"{id}\"}}\n");
        subscriber.stdout.expect(&line);
    }
}

#[tokio::test]
async fn a_refusal_is_told() {
    let hub = Hub::start([]);
    for (options, input, expected) in [
        (&["-t", "**", "x"][..], "", "status 400 Bad Request: "),
        (
            &["-t", "a", "--type", "error", "x"],
            "",
            "status 400 Bad Request: ",
        ),
        (&["--lines"], "{}", "status 400 Bad Request: line 1"),
        (
            &["-t", "a", "--token", "wrong", "x"],
            "",
            "status 401 Unauthorized",
        ),
        (
            &["-t", "a", "--token", "\n", "x"],
            "",
            "the token is not valid in a header",
        ),
    ] {
        let done = publish(&hub, options, input);
        assert_eq!((done.code, &*done.stdout), (Some(1), ""), "{options:?}");
        assert!(
            done.stderr.contains(expected),
            "{options:?}: {}",
            done.stderr
        );
    }
    let done = run(&mut sse(["publish", "127.0.0.1:1", "-t", "a", "x"]), "");
    assert_eq!(done.code, Some(1));
    assert!(
        done.stderr.contains("Connection refused"),
        "{}",
        done.stderr
    );
    let done = run(
        &mut sse(["publish", "u:secret@127.0.0.1:1", "-t", "a", "x"]),
        "",
    );
    assert!(done.stderr.contains("--token") && !done.stderr.contains("secret"));
    // Invalid command lines.
    for options in [&["x"][..], &["--lines", "x"], &["--lines", "-t", "a"]] {
        assert_eq!(publish(&hub, options, "").code, Some(2), "{options:?}");
    }
}

#[tokio::test]
async fn a_path_is_where_it_says() {
    let server = Server::start([support::Answer::End(support::respond(
        "200 OK", "", "no JSON",
    ))]);
    let url = format!("{}/hub/publish", server.address);
    let done = run(&mut sse(["publish", &url, "-t", "a&b", "x"]), "");
    assert_eq!(done.code, Some(1));
    assert!(
        done.stderr.contains("the response is not from a hub"),
        "{}",
        done.stderr
    );
    let request = &server.requests()[0];
    assert!(
        request.starts_with("POST /hub/publish?topic=a%26b HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\nx"), "{request}");
    assert!(!request.contains("authorization"), "{request}");
}
