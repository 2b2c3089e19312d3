//! Contract test service with failing servers and failing listeners for its callbacks.

mod running;
mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use running::{Listener, Service};
use serde_json::json;
use support::{Answer, Server, respond, stream};
use testkit::timeout::test_timeout;

const QUIET_TIME: Duration = Duration::from_millis(300);

#[tokio::test]
async fn it_goes_on_where_it_was_and_the_end_of_a_stream_is_no_error() {
    let server = Server::start([
        Answer::End(stream("id: 1\ndata: a\n\nid: 2\ndata: lost")),
        Answer::End(respond("503 Busy", "", "later")),
        Answer::Drip(stream("\u{FEFF}data: b\n\nid\ndata: c\n\n")),
        Answer::Hang(stream("data: d\n\n")),
    ])
    .await;
    let (service, mut listener) = (Service::start(), Listener::start().await);
    service.open(&server.url(), &listener, json!({})).await;
    assert_eq!(listener.event().await, ["message", "a", "1"]);
    assert!(listener.error().await.contains("503"));
    assert_eq!(listener.event().await, ["message", "b", "1"]);
    assert_eq!(listener.event().await, ["message", "c", ""]);
    assert_eq!(listener.event().await, ["message", "d", ""]);
    let one = || Some("1".to_owned());
    assert_eq!(server.last_event_ids(), [None, one(), one(), None]);
}

#[tokio::test]
async fn a_stream_on_which_nothing_comes_is_tried_again() {
    // The server repeats the last answer, because a busy machine may take longer than the timeout to answer.
    let answers = [Vec::new(), stream("data: a\n\n")].map(Answer::Hang);
    let server = Server::start(answers).await;
    let (service, mut listener) = (Service::start(), Listener::start().await);
    let more = json!({ "readTimeoutMs": 200 });
    let start = Instant::now();
    service.open(&server.url(), &listener, more).await;
    for _ in 0..2 {
        assert!(!listener.error().await.is_empty());
        loop {
            let callback = listener.next().await;
            if callback["kind"] == "event" {
                break assert_eq!(callback["event"]["data"], "a");
            }
            assert_eq!(callback["kind"], "error", "{callback}");
        }
    }
    assert!(start.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn what_ends_a_stream_is_told_once_and_then_it_is_over() {
    let html = respond("200 OK", "Content-Type: text/html\r\n", "<h1>no</h1>");
    for (answer, expected) in [
        (respond("204 No Content", "", ""), "204"),
        (respond("404 Not Found", "", "gone"), "404"),
        (respond("301 Moved", "", ""), "301"),
        (respond("307 Moved", "Location:\r\n", ""), "307"),
        (html, "text/html"),
    ] {
        let server = Server::start([Answer::End(answer)]).await;
        let (service, mut listener) = (Service::start(), Listener::start().await);
        let location = service.open(&server.url(), &listener, json!({})).await;
        let error = listener.error().await;
        assert!(error.contains(expected), "{error}");
        let count = server.requests().len();
        listener.hears_nothing_for(QUIET_TIME).await;
        assert_eq!(server.requests().len(), count, "the client came back");
        let restart = json!({ "command": "restart" });
        assert!(service.command(&location, restart).await.is_success());
        listener.hears_nothing_for(QUIET_TIME).await;
        service.close(&location).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_until_it_is() {
    let port = testkit::port::free().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (service, mut listener) = (Service::start(), Listener::start().await);
    let url = format!("http://{address}/events");
    service.open(&url, &listener, json!({})).await;
    assert!(listener.error().await.contains("refused"));
    Server::start_at(address, [Answer::Hang(stream("data: a\n\n"))]).await;
    loop {
        let callback = listener.next().await;
        match callback["kind"].as_str().unwrap() {
            "error" => {}
            kind => break assert_eq!(kind, "event"),
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_its_clients_back_at_once_is_given_a_rest() {
    let server = Server::start([Answer::End(stream("retry: 0\ndata: a\n\n"))]).await;
    let (service, listener) = (Service::start(), Listener::start().await);
    service.open(&server.url(), &listener, json!({})).await;
    let start = Instant::now();
    let (count, seconds) = loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let count = server.requests().len();
        // The client must ask again, however slow a busy machine is.
        if count >= 3 || start.elapsed() > test_timeout() {
            break (count, start.elapsed().as_secs_f64());
        }
    };
    let limit = 20.0 * seconds;
    assert!(
        count >= 3 && count as f64 <= limit,
        "{count} requests in {seconds} s"
    );
}

#[tokio::test]
async fn a_slow_listener_hears_all_in_order_and_nothing_after_the_end() {
    let events: String = (0..10_000).map(|n| format!("data: {n}\n\n")).collect();
    let server = Server::start([Answer::Hang(stream(events))]).await;
    let (service, mut listener) = (Service::start(), Listener::start().await);
    *listener.pause.lock().unwrap() = Duration::from_millis(20);
    let more = json!({ "readTimeoutMs": 10_000 });
    let location = service.open(&server.url(), &listener, more).await;
    for number in 0..10 {
        assert_eq!(listener.event().await[1], number.to_string());
    }
    *listener.pause.lock().unwrap() = Duration::ZERO;
    for number in 10..2000 {
        assert_eq!(listener.event().await[1], number.to_string());
    }
    service.close(&location).await;
    listener.skip();
    listener.hears_nothing_for(QUIET_TIME).await;
    let (status, ..) = service.send(Method::DELETE, &location, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_listener_that_does_not_answer_does_not_hold_up_the_end() {
    let server = Server::start([Answer::Hang(stream("data: a\n\ndata: b\n\n"))]).await;
    let (service, mut listener) = (Service::start(), Listener::start().await);
    *listener.pause.lock().unwrap() = Duration::from_secs(3600);
    let location = service.open(&server.url(), &listener, json!({})).await;
    assert_eq!(listener.event().await[1], "a");
    service.close(&location).await;
    listener.hears_nothing_for(QUIET_TIME).await;
}
