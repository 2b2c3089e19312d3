//! Options of `sse hub`: minimum and maximum values, and values that are not safe.
#![cfg(feature = "hub")]

mod support;

use http::{Method, header::AUTHORIZATION};
use support::{
    Running,
    hub::{Hub, TOKEN},
    run, sse,
};

/// Starts the hub with options that it refuses, and returns stderr.
fn refusal(options: &[&str]) -> String {
    let mut command = sse(["hub", "--listen=127.0.0.1:0"]);
    let done = run(
        command.args(options).env("SSE_HUB_PUBLISH_TOKEN", TOKEN),
        "",
    );
    assert_ne!(done.code, Some(0), "{options:?}");
    assert_eq!(done.stdout, "", "{options:?}");
    done.stderr
}

#[tokio::test]
async fn each_number_works_or_is_refused_with_its_reason() {
    const MAX: &str = "18446744073709551615";
    const ABOVE: &str = "18446744073709551616";
    let works = [
        ("--keep-events", &["0", "1", MAX][..]),
        ("--keep-bytes", &["0", "1", MAX]),
        ("--keep-per-topic", &["0", "1", MAX]),
        ("--keep-for", &["3600", MAX, "1e300"]),
        ("--max-subscribers", &["1", MAX]),
        ("--max-event", &["1", MAX]),
        ("--max-lag", &["1", MAX]),
        ("--idle-timeout", &["1", MAX, "1e300"]),
        ("--keep-alive", &["0.000000001", "1", MAX, "1e300"]),
        ("--max-age", &["3600", MAX, "1e300"]),
        ("--retry", &["0.000000001", "1", MAX, "1e300"]),
        (
            "--write-timeout",
            &["1", "2147483.647", "2147484", MAX, "1e300"],
        ),
    ];
    for (option, values) in works {
        for value in values {
            let option = format!("{option}={value}");
            let hub = Hub::start([&*option]);
            let mut follower = hub.follow("topic=a&newest=18446744073709551615").await;
            for data in ["1", "2"] {
                hub.news("a", data).await;
                assert_eq!(follower.data().await, data, "{option}");
            }
            drop(follower);
            hub.becomes("sse_hub_subscribers", 0).await;
            let mut late = hub.follow("topic=a&newest=1").await;
            assert_eq!(late.data().await, "2", "{option}");
        }
    }
    // This is too short for a replay, but live events arrive.
    let hub = Hub::start(["--keep-for=0.000000001"]);
    let mut follower = hub.follow("topic=a").await;
    hub.news("a", "1").await;
    assert_eq!(follower.data().await, "1");
    let refused = [
        ("--idle-timeout", "0", "longer than 0"),
        ("--keep-alive", "0", "longer than 0"),
        ("--max-age", "-1", "longer than 0"),
        ("--retry", "0", "longer than 0"),
        ("--keep-events", ABOVE, "number too large"),
        ("--keep-bytes", "-1", "invalid digit"),
        ("--keep-per-topic", ABOVE, "number too large"),
        ("--keep-for", "0", "longer than 0"),
        ("--max-subscribers", "0", "at least 1"),
        ("--max-subscribers", ABOVE, "number too large"),
        ("--max-event", "0", "at least 1"),
        ("--max-event", ABOVE, "number too large"),
        ("--max-lag", "0", "0 is not in 1.."),
        ("--max-lag", ABOVE, "number too large"),
        ("--write-timeout", "0", "longer than 0"),
        ("--write-timeout", "-1", "longer than 0"),
        ("--write-timeout", "NaN", "longer than 0"),
        ("--write-timeout", "1m", "not a number of seconds"),
    ];
    for (option, value, reason) in refused {
        let stderr = refusal(&[&format!("{option}={value}")]);
        assert!(stderr.contains(option), "{stderr}");
        assert!(stderr.contains(reason), "{option}={value}: {stderr}");
    }
}

#[test]
fn an_origin_or_a_host_that_never_comes_is_refused() {
    for (option, reason) in [
        ("--allow-origin=null", "any page could read the events"),
        ("--allow-origin=NULL", "any page could read the events"),
        ("--allow-origin=http://*", "`*` stands before a domain"),
        ("--allow-origin=https://*.*.a.example", "`*` stands before"),
        (
            "--allow-origin=https://a.example/",
            "write https://a.example",
        ),
        ("--allow-origin=a.example", "as in https://example.com"),
        ("--allow-host=a.example:8443", "a name has no port here"),
        ("--allow-host=https://a.example", "write a.example"),
        ("--allow-host=*", "name each"),
        ("--allow-host=a.*.example", "`*` stands before a domain"),
    ] {
        let stderr = refusal(&[option]);
        assert!(stderr.contains(reason), "{option}: {stderr}");
    }
}

#[test]
fn all_origins_without_a_token_are_warned_of() {
    let start = |options: &[&str]| {
        let mut command = sse(["hub", "--listen=127.0.0.1:0", "--allow-origin=*"]);
        let mut running = Running::start(command.args(options));
        running.stdout.expect("/\n");
        running
    };
    start(&[]).stderr.expect("every page in every browser");
    let mut running = start(&["--subscribe-token=for-readers"]);
    running.child.kill().unwrap();
    let stderr = running.stderr.rest();
    assert!(!stderr.contains("every page"), "{stderr}");
}

#[tokio::test]
async fn metrics_are_not_for_subscribers() {
    let status = async |hub: &Hub, token: Option<&str>| {
        let mut request = hub.request(Method::GET, "/metrics");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        hub.send(request, "").await
    };
    // Only programs of this machine can send requests, and they may subscribe to all topics.
    let hub = Hub::start([]);
    assert_eq!(status(&hub, None).await.status, 200);
    // Clients of other machines can send requests, or subscribers need a token.
    for option in [
        "--subscribe-token=for-readers",
        "--allow-host=events.example",
        "--listen=0.0.0.0:0",
    ] {
        let hub = Hub::start([option]);
        for token in [None, Some("for-readers"), Some(TOKEN)] {
            let reply = status(&hub, token).await;
            assert_eq!(reply.status, 403, "{option}, {token:?}");
            assert!(reply.text.contains("--metrics-token"), "{}", reply.text);
        }
    }
    let hub = Hub::start([
        "--subscribe-token=for-readers",
        "--metrics-token=for-metrics",
    ]);
    for token in [None, Some("for-readers"), Some(TOKEN), Some("for-metric")] {
        let reply = status(&hub, token).await;
        assert_eq!(reply.status, 401, "{token:?}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    let reply = status(&hub, Some("for-metrics")).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.text.contains("sse_hub_published_total 0"),
        "{}",
        reply.text
    );
    // The metrics token allows nothing else.
    let request = hub.request(Method::GET, "/events?topic=a");
    let request = request.header(AUTHORIZATION, "Bearer for-metrics");
    assert_eq!(hub.send(request, "").await.status, 401);
    let reply = hub.get("/metrics?access_token=for-metrics").await;
    assert_eq!(reply.status, 401);

    for (options, reason) in [
        (
            ["--subscribe-token=a", "--metrics-token=a"],
            "each subscriber could read /metrics",
        ),
        (
            ["--subscribe-token=a", "--publish-token=a"],
            "each subscriber could publish",
        ),
        (
            ["--metrics-token=a", "--publish-token=a"],
            "each reader of /metrics could publish",
        ),
        (
            ["--subscribe-token=a", "--metrics-token="],
            "a token cannot be empty",
        ),
    ] {
        let stderr = refusal(&options);
        assert!(stderr.contains(reason), "{options:?}: {stderr}");
    }
}

#[tokio::test]
async fn the_metrics_token_comes_from_the_environment() {
    let mut command = sse(["hub", "--listen=127.0.0.1:0"]);
    command.env("SSE_HUB_METRICS_TOKEN", "for-metrics");
    let hub = Hub::start_command(&mut command);
    assert_eq!(hub.get("/metrics").await.status, 401);
    let request = hub.request(Method::GET, "/metrics");
    let request = request.header(AUTHORIZATION, "Bearer for-metrics");
    assert_eq!(hub.send(request, "").await.status, 200);
}

#[test]
fn no_error_repeats_a_secret() {
    for (option, variable) in [
        ("--publish-token", "SSE_HUB_PUBLISH_TOKEN"),
        ("--subscribe-token", "SSE_HUB_SUBSCRIBE_TOKEN"),
        ("--metrics-token", "SSE_HUB_METRICS_TOKEN"),
        ("--id-key", "SSE_HUB_ID_KEY"),
    ] {
        let secret = "not to be told";
        let mut by_variable = sse(["hub"]);
        by_variable.env(variable, secret);
        let mut by_option = sse(["hub"]);
        by_option.arg(format!("{option}={secret}"));
        for command in [&mut by_variable, &mut by_option] {
            let done = run(command, "");
            assert_eq!(done.code, Some(2), "{}", done.stderr);
            assert!(done.stderr.contains(option), "{}", done.stderr);
            assert!(!done.stderr.contains(secret), "{}", done.stderr);
        }
    }
}
