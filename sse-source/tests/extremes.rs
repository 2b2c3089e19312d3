//! Minimum and maximum values of all config.

mod support;

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use futures_util::{StreamExt, future::join_all};
use sse_source::{ClientConfig, DisconnectReason, EventSource, Item};
use support::{Answer, Server, respond, stream};

const TIMES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_secs(u64::MAX),
    Duration::MAX,
];

type Set<T> = fn(ClientConfig, T) -> ClientConfig;

/// Options that are durations.
const SETTINGS: [(&str, Set<Duration>); 6] = [
    ("reconnection time", ClientConfig::reconnection_time),
    ("minimum delay", |config, time| {
        config.min_delay(time).max_delay(time)
    }),
    ("maximum delay", |config, time| {
        config.min_delay(Duration::ZERO).max_delay(time)
    }),
    ("backoff limit", ClientConfig::max_backoff),
    ("head timeout", |config, time| {
        config.head_timeout(Some(time))
    }),
    ("idle timeout", |config, time| {
        config.idle_timeout(Some(time))
    }),
];

/// Polls the source until no item arrives for a moment, because its delay may be longer than the test.
async fn run(name: String, server: &Server, config: ClientConfig) {
    let url = server.url();
    let mut source = EventSource::get(url).config(config).build().unwrap();
    for _ in 0..8 {
        match tokio::time::timeout(Duration::from_millis(50), source.next()).await {
            Ok(Some(Ok(_))) => {}
            Ok(other) => panic!("{name}: {other:?}"),
            Err(_) => return,
        }
    }
}

#[tokio::test]
async fn any_time_can_be_set() {
    let server = Server::start([
        Answer::End(stream("retry: 18446744073709551615\n\ndata: 1\n\n")),
        Answer::Hang(stream("retry: 0\n\ndata: 2\n\n")),
        Answer::End(respond(
            "503 Service Unavailable",
            "Retry-After: 18446744073709551615\r\n",
            "",
        )),
        Answer::End(respond("503 Service Unavailable", "Retry-After: 0\r\n", "")),
        Answer::Hang(Vec::new()),
        Answer::Reset(stream("data: 3\n\n")),
    ])
    .await;
    let mut runs = Vec::new();
    for (name, set) in SETTINGS {
        for time in TIMES {
            for (other_name, set_other) in SETTINGS {
                for other in [Duration::ZERO, Duration::MAX] {
                    let config = set(set_other(ClientConfig::default(), other), time);
                    let name = format!("{name} {time:?}, {other_name} {other:?}");
                    runs.push(run(name, &server, config));
                }
            }
        }
    }
    join_all(runs).await;
}

#[tokio::test]
async fn any_limit_can_be_set() {
    for limit in [0, 1, usize::MAX] {
        let server = Server::start([Answer::End(stream("data: 1\n\ndata: 2\n\n"))]).await;
        let config = ClientConfig::default().max_event_bytes(limit);
        let request = EventSource::get(server.url()).config(config);
        let mut events = request.send().await.unwrap();
        let mut items = Vec::new();
        while let Some(item) = events.next().await {
            items.push(item.unwrap());
        }
        assert_eq!(items.len(), 2, "{items:?}");
        let is_event = |item: &Item| matches!(item, Item::Event(_));
        assert_eq!(items.iter().all(is_event), limit > 1, "{items:?}");
    }
}

/// Checks deadlines that are years away, in a program that runs for years.
#[tokio::test(start_paused = true)]
async fn deadlines_hold_after_years() {
    const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    // The server runs in a thread, because the clock of the runtime is paused.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut connection, _)) = listener.accept() {
            let _ = connection.read(&mut [0; 4096]);
            connection.write_all(&stream("data: 1\n\n")).unwrap();
            open.push(connection);
        }
    });
    let config = ClientConfig::default()
        .head_timeout(None)
        .idle_timeout(Some(3 * YEAR));
    let mut source = EventSource::get(url).config(config).build().unwrap();
    for _ in 0..3 {
        assert!(matches!(source.next().await, Some(Ok(Item::Open(_)))));
        assert!(matches!(source.next().await, Some(Ok(Item::Event(_)))));
        let start = tokio::time::Instant::now();
        match source.next().await {
            Some(Ok(Item::Disconnected(it))) => {
                assert_eq!(it.reason, DisconnectReason::IdleTimeout)
            }
            other => panic!("{other:?}"),
        }
        let waited = start.elapsed();
        assert!(
            waited >= 3 * YEAR && waited < 3 * YEAR + YEAR / 100,
            "{waited:?}"
        );
    }
}
