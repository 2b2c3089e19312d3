//! Several of `sse hub` over one NATS. It takes `nats-server`, from Debian's package of that name.
#![cfg(feature = "nats")]

mod support;

use std::time::Duration;

use support::{hub::Hub, run, sse};
use testkit::{nats::Nats, timeout::test_timeout};
use tokio::time::{sleep, timeout};

fn hub_over(nats: &Nats) -> Hub {
    Hub::start([&format!("--nats={}", nats.url())])
}

async fn becomes(hub: &Hub, status: u16) {
    let waiting = timeout(test_timeout(), async {
        while hub.get("/healthz").await.status != status {
            sleep(Duration::from_millis(100)).await;
        }
    });
    waiting.await.expect("its health changes");
}

#[tokio::test]
async fn each_hears_what_the_others_are_told() {
    let mut nats = Nats::down().unwrap();
    let (one, other) = (hub_over(&nats), hub_over(&nats));
    let reply = one.get("/healthz").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "10"));
    assert!(reply.text.starts_with("the backend is not connected"));
    assert_eq!(one.metric("sse_hub_backend_connected").await, 0);

    nats.up().unwrap();
    becomes(&one, 200).await;
    becomes(&other, 200).await;
    let mut follower = other.follow("topic=a/**").await;
    let first = one.news("a/b", "1\r\n2").await;
    assert_eq!(
        follower.event().await,
        ("message".into(), first.clone(), "1\n2".into())
    );
    let second = other.news("a/c", "3").await;
    assert_eq!(follower.event().await.1, second);
    let mut follower = one.follow(&format!("topic=a/c&lastEventId={first}")).await;
    assert_eq!(
        follower.event().await,
        ("message".into(), second.clone(), "3".into())
    );

    nats.kill();
    becomes(&one, 503).await;
    let reply = one.publish("?topic=a/c", "text/plain", "lost").await;
    assert_eq!(reply.status, 503);
    assert!(
        reply.text.starts_with("the backend did not take it: "),
        "{}",
        reply.text
    );
    let mut late = other
        .follow(&format!("topic=a/c&lastEventId={first}"))
        .await;
    assert_eq!(late.data().await, "3");

    nats.up().unwrap();
    becomes(&one, 200).await;
    becomes(&other, 200).await;
    one.news("a/c", "4").await;
    assert_eq!(
        (follower.data().await, late.data().await),
        ("4".into(), "4".into())
    );
    // One that was not there when it happened has it all from NATS.
    let third = hub_over(&nats);
    becomes(&third, 200).await;
    let mut follower = third
        .follow(&format!("topic=a/**&lastEventId={first}"))
        .await;
    assert_eq!(
        (follower.data().await, follower.data().await),
        ("3".into(), "4".into())
    );
}

#[test]
fn what_is_no_address_is_told() {
    for (options, code, reason) in [
        (
            ["--nats=nats://a b"].as_slice(),
            1,
            "--nats: address 1 of NATS: ",
        ),
        (
            &["--nats=a:1", "--nats-stream=a.b"],
            1,
            "--nats: stream \"a.b\": '.' in it",
        ),
        (&["--nats-stream=a"], 2, "--nats"),
    ] {
        let done = run(sse(["hub"]).args(options), "");
        assert_eq!((done.code, &*done.stdout), (Some(code), ""), "{options:?}");
        assert!(done.stderr.contains(reason), "{}", done.stderr);
    }
}
