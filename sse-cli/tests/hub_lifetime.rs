//! `sse hub` from its start to its end, also with clients that misbehave.
#![cfg(all(feature = "hub", target_os = "linux"))]

mod support;

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sse_source::Item;
use support::{Running, hub::Hub, run, sse};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

#[test]
fn it_is_safe_or_does_not_start() {
    let refused: [(&[&str], i32, &str); 9] = [
        (
            &["--listen=0.0.0.0:0"],
            1,
            "0.0.0.0:0 can be reached from other machines: --publish-token",
        ),
        (
            &["--listen=[::]:0"],
            1,
            "--publish-token or SSE_HUB_PUBLISH_TOKEN is required",
        ),
        (&["--publish-token="], 2, "a token cannot be empty"),
        (&["--publish-token=a b"], 2, "not valid in a header"),
        (
            &["--publish-token=a", "--subscribe-token=a"],
            1,
            "each subscriber could publish",
        ),
        (&["--token-in-url"], 2, "--subscribe-token"),
        (
            &["--allow-origin=https://a.example/path"],
            2,
            "not an origin",
        ),
        (
            &["--allow-origin=*", "--allow-origin=https://a.example"],
            1,
            "allows all origins",
        ),
        (
            &["--listen=192.0.2.1:1", "--publish-token=a"],
            1,
            "cannot listen on 192.0.2.1:1: ",
        ),
    ];
    for (options, code, reason) in refused {
        let done = run(sse(["hub"]).args(options), "");
        assert_eq!((done.code, &*done.stdout), (Some(code), ""), "{options:?}");
        assert!(done.stderr.contains(reason), "{}", done.stderr);
        let lines = done.stderr.split_terminator('\n').count();
        assert!(code == 2 || lines == 1, "{}", done.stderr);
    }
}

#[tokio::test]
async fn the_token_is_drawn_if_there_is_none() {
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let mut running = Running::start(&mut sse(["hub", "--listen=127.0.0.1:0"]));
        running.stdout.expect("/\n");
        running.stderr.expect("the publish token of this run: ");
        running.stderr.expect("\n");
        let stderr = running.stderr.seen();
        let token = stderr.trim().rsplit(' ').next().unwrap().to_owned();
        assert_eq!(token.len(), 32, "{stderr}");
        tokens.push(token);
    }
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn curl_reads_it() {
    let hub = Hub::start([]);
    let mut connection = TcpStream::connect(&hub.address).await.unwrap();
    let request = "GET /events?topic=a HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
    connection.write_all(request.as_bytes()).await.unwrap();
    hub.becomes("sse_hub_subscribers", 1).await;
    let id = hub.news("a", "1").await;
    let mut text = String::new();
    let expected = format!("id: {id}\ndata: 1\n\n\r\n");
    while !text.ends_with(&expected) {
        let mut buffer = [0; 1024];
        let count = timeout(test_timeout(), connection.read(&mut buffer)).await;
        text.push_str(str::from_utf8(&buffer[..count.unwrap().unwrap()]).unwrap());
    }
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("\r\nx-accel-buffering: no\r\n"), "{text}");
}

/// Checks that a client that sends a long body gets the response before the end of the body, and is not disconnected.
#[tokio::test]
async fn who_is_refused_may_finish() {
    let hub = Hub::start([]);
    const BODY_BYTES: usize = 16 << 20;
    for (path, status) in [("publish", 401), ("publish?topic=a", 413), ("nothing", 404)] {
        let token = match status {
            413 => support::hub::TOKEN,
            _ => "none",
        };
        let mut connection = TcpStream::connect(&hub.address).await.unwrap();
        // The second request uses the same connection.
        for _ in 0..2 {
            let head = format!(
                "POST /{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
                 Content-Length: {BODY_BYTES}\r\n\r\n"
            );
            connection.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 1024];
            let count = timeout(test_timeout(), connection.read(&mut answer)).await;
            let answer = str::from_utf8(&answer[..count.unwrap().unwrap()]).unwrap();
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
            connection.write_all(&vec![b'x'; BODY_BYTES]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn it_ends_within_seconds_and_tells_all() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut hub = Hub::start([]);
        let mut followers = Vec::new();
        for _ in 0..20 {
            followers.push(hub.follow("topic=a").await);
        }
        // One client does not read its stream, and one sends no request.
        let _silent = hub.open_stream("topic=a").await;
        let _idle = TcpStream::connect(&hub.address).await.unwrap();
        hub.becomes("sse_hub_subscribers", 21).await;
        kill_process(Pid::from_child(&hub.running.child), signal).unwrap();
        let mut delays = Vec::new();
        for mut follower in followers {
            let (event_type, _, data) = follower.event().await;
            assert_eq!(
                (&*event_type, &*data),
                ("closing", r#"{"reason":"shutdown"}"#)
            );
            loop {
                if let Item::Disconnected(disconnected) = follower.item().await {
                    delays.push(disconnected.delay);
                    break;
                }
            }
        }
        // The hub ends although one client does not read, and one does not disconnect.
        assert!(hub.running.wait().success());
        delays.sort_unstable();
        assert!(
            delays[0] >= Duration::from_secs(1) && delays[0] < delays[19],
            "{delays:?}"
        );
    }
}

/// Checks that publications in progress do not delay the end.
#[tokio::test]
async fn it_ends_within_seconds_while_much_is_published() {
    let mut command = sse(["hub", "--listen=127.0.0.1:0", "--max-event=16000000"]);
    command.env("SSE_HUB_PUBLISH_TOKEN", support::hub::TOKEN);
    let mut hub = Hub::start_command(command.env("TOKIO_WORKER_THREADS", "2"));
    // This is much more work for each thread than the time allows.
    let line = "{\"topic\":\"a\",\"data\":1}\n";
    let lines = line.repeat(50_000_000 / line.len());
    let head = format!(
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
        support::hub::TOKEN,
        lines.len()
    );
    let mut connections = Vec::new();
    for _ in 0..2 {
        let mut connection = TcpStream::connect(&hub.address).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(lines.as_bytes()).await.unwrap();
        connections.push(connection);
    }
    // By now, the hub has started to publish.
    sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    kill_process(Pid::from_child(&hub.running.child), Signal::TERM).unwrap();
    assert!(hub.running.wait().success());
    let time = start.elapsed();
    eprintln!("the hub ended after {time:?}");
    assert!(time < Duration::from_secs(20), "{time:?}");
}

#[tokio::test]
async fn who_does_not_read_is_given_up() {
    let hub = Hub::start(["--write-timeout=1", "--max-lag=1000000"]);
    let mut silent = hub.open_stream("topic=a").await;
    let mut follower = hub.follow("topic=a").await;
    let data = "x".repeat(1_000_000);
    // More than the buffers of the system hold.
    for _ in 0..12 {
        hub.news("a", &data).await;
        assert_eq!(follower.data_after_all().await.len(), data.len());
    }
    hub.becomes("sse_hub_subscribers", 1).await;
    let mut rest = Vec::new();
    let end = timeout(test_timeout(), silent.read_to_end(&mut rest)).await;
    assert!(
        end.is_ok() && rest.len() < 12_000_000,
        "{} bytes",
        rest.len()
    );
    hub.news("a", "still there").await;
    assert_eq!(follower.data_after_all().await, "still there");
}

/// Checks that the timers of the connection accept the maximum value of the option.
#[tokio::test]
async fn with_the_longest_write_timeout_nobody_is_given_up() {
    let hub = Hub::start(["--write-timeout=18446744073709551615", "--max-lag=1000000"]);
    let mut silent = hub.open_stream("topic=a").await;
    hub.becomes("sse_hub_subscribers", 1).await;
    let data = "x".repeat(1_000_000);
    // More than the buffers of the system hold.
    for _ in 0..12 {
        hub.news("a", &data).await;
    }
    let mut bytes = 0;
    let mut buffer = vec![0; 64 * 1024];
    while bytes < 12_000_000 {
        let count = timeout(test_timeout(), silent.read(&mut buffer)).await;
        let count = count.expect("data in time").unwrap();
        assert_ne!(count, 0, "end of stream after {bytes} bytes");
        bytes += count;
    }
}

#[tokio::test]
async fn the_crowd_is_limited_and_leaves_nothing_behind() {
    let hub = Hub::start(["--max-subscribers=1500"]);
    let mut follower = hub.follow("topic=**").await;
    let mut crowd = Vec::new();
    for number in 0..2_000 {
        crowd.push(
            hub.open_stream(&format!("topic=news&topic=own/{number}"))
                .await,
        );
    }
    let (mut served, mut refused) = (0, 0);
    for connection in &mut crowd {
        let mut head = [0; 512];
        let read = timeout(test_timeout(), connection.read(&mut head)).await;
        let head = String::from_utf8_lossy(&head[..read.unwrap().unwrap()]).into_owned();
        if head.starts_with("HTTP/1.1 200 OK\r\n") {
            served += 1;
        } else {
            assert!(
                head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
                "{head}"
            );
            assert!(head.contains("\r\nretry-after: 10\r\n"), "{head}");
            refused += 1;
        }
    }
    assert_eq!((served, refused), (1_499, 501));
    hub.news("news", "to all").await;
    assert_eq!(follower.data().await, "to all");
    hub.becomes("sse_hub_delivered_total", 1_500).await;
    drop(crowd);
    hub.becomes("sse_hub_subscribers", 1).await;
    hub.news("own/7", "to one subscriber").await;
    assert_eq!(follower.data().await, "to one subscriber");
    assert_eq!(hub.metric("sse_hub_delivered_total").await, 1_501);
}

#[tokio::test]
async fn unknown_topics_leave_nothing_behind() {
    let hub = Hub::start(["--keep-events=1000"]);
    // Memory that the hub allocates only once: threads, buffers.
    flood(&hub, 0..2_000).await;
    let before = hub.memory();
    flood(&hub, 2_000..12_000).await;
    let (after, subscribed) = (hub.memory(), 12_000);
    eprintln!("{before} KiB before, {after} KiB after {subscribed} topics");
    assert!(after < before + 8 * 1024, "{before} KiB, then {after} KiB");
    hub.news("a", "1").await;
}

/// Takes minutes. Run it with `cargo test -p sse-cli --release --test hub_lifetime -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes minutes"]
async fn a_million_unknown_topics_leave_nothing_behind() {
    let hub = Hub::start([]);
    for round in 0..10 {
        let start = Instant::now();
        flood(&hub, round * 100_000..(round + 1) * 100_000).await;
        let (memory, time) = (hub.memory(), start.elapsed());
        eprintln!("{} topics: {memory} KiB, {time:?}", (round + 1) * 100_000);
        assert!(memory < 64 * 1024);
    }
}

/// Connects and disconnects one subscriber after another, each with a new topic.
async fn flood(hub: &Hub, topics: core::ops::Range<u32>) {
    for topic in topics {
        let mut connection = hub
            .open_stream(&format!("topic={}/{topic}", "unknown".repeat(20)))
            .await;
        let mut head = [0; 64];
        let count = connection.read(&mut head).await.unwrap();
        assert!(head[..count].starts_with(b"HTTP/1.1 200 OK\r\n"));
        // Closes with a reset, so that the system keeps no state of the connection.
        socket2::SockRef::from(&connection)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
    hub.becomes("sse_hub_subscribers", 0).await;
}

/// Checks that a client without events misses none when the hub restarts, because the last event has its position.
#[tokio::test]
async fn each_stream_is_closed_with_its_position() {
    let hub = Hub::start([]);
    let mut quiet = hub.open_stream("topic=quiet").await;
    let mut text = String::new();
    while !text.contains("data: {}") {
        let mut bytes = [0; 1024];
        let count = timeout(test_timeout(), quiet.read(&mut bytes)).await;
        text.push_str(str::from_utf8(&bytes[..count.unwrap().unwrap()]).unwrap());
    }
    kill_process(Pid::from_child(&hub.running.child), Signal::TERM).unwrap();
    let reading = timeout(test_timeout(), quiet.read_to_string(&mut text)).await;
    reading.expect("end of stream").unwrap();
    let id = |event_type: &str| {
        let (_, rest) = text.split_once(event_type).expect("the event arrives");
        rest.split_once("id: ")
            .unwrap()
            .1
            .split_once('\n')
            .unwrap()
            .0
    };
    assert_eq!(id("event: position\n"), id("event: closing\n"));
    assert_eq!(text.matches("event: closing\n").count(), 1, "{text}");
}
