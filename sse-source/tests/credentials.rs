//! Credentials in URLs.

mod support;

use sse_source::{EventSource, Transport};
use support::{Answer, Server, error, events, respond, soon, stream};

/// Header with the credentials `user:pass word`, in lower case.
const BASIC: &str = "\r\nauthorization: basic dxnlcjpwyxnzihdvcmq=\r\n";

fn url(server: &Server, host: &str) -> String {
    let port = server.address.port();
    format!("http://user:pass%20word@{host}:{port}/events")
}

fn is_secret(text: &str) -> bool {
    text.contains("pass%20word") || text.contains("dXNlcjpwYXNzIHdvcmQ=")
}

#[tokio::test]
async fn credentials_of_the_url_are_sent_each_time_and_shown_nowhere() {
    let server = Server::start([
        Answer::End(stream("data: a\n\n")),
        Answer::Hang(stream("data: b\n\n")),
    ])
    .await;
    for transport in [
        Transport::new(),
        Transport::from_reqwest(reqwest::Client::new()),
    ] {
        let request = EventSource::get(url(&server, "127.0.0.1"))
            .config(soon())
            .transport(transport);
        assert!(!is_secret(&format!("{request:?}")));
        let mut source = request.build().unwrap();
        assert!(!is_secret(&format!("{source:?}")));
        events(&mut source, 1).await;
    }
    for request in server.requests() {
        assert!(request.contains(BASIC), "{request}");
        assert!(request.contains("\r\nhost: 127.0.0.1:"), "{request}");
    }
}

#[tokio::test]
async fn credentials_go_to_no_other_origin() {
    let stranger = Server::start([Answer::Hang(stream("data: there\n\n"))]).await;
    let location = format!(
        "Location: http://localhost:{}/x\r\n",
        stranger.address.port()
    );
    let server = Server::start([Answer::End(respond("307 Moved", &location, ""))]).await;
    let mut source = EventSource::get(url(&server, "127.0.0.1")).build().unwrap();
    assert_eq!(events(&mut source, 1).await, ["there"]);
    assert!(server.requests()[0].contains(BASIC));
    assert!(!stranger.requests()[0].contains("authorization"));

    // Credentials in the URL of a redirect are sent to its target.
    let location = format!("Location: {}\r\n", url(&stranger, "localhost"));
    let server = Server::start([Answer::End(respond("307 Moved", &location, ""))]).await;
    let mut source = EventSource::get(server.url()).build().unwrap();
    assert_eq!(events(&mut source, 1).await, ["there"]);
    assert!(!server.requests()[0].contains("authorization"));
    assert!(stranger.requests()[1].contains(BASIC));
}

#[tokio::test]
async fn a_header_of_the_caller_wins() {
    let server = Server::start([Answer::Hang(stream("data: a\n\n"))]).await;
    let request = EventSource::get(url(&server, "127.0.0.1"));
    let request = request.header("authorization", "Bearer t");
    events(&mut request.build().unwrap(), 1).await;
    assert!(server.requests()[0].contains("\r\nauthorization: bearer t\r\n"));
}

#[tokio::test]
async fn no_error_shows_credentials() {
    for url in [
        "http://u:pass%20word@h/a b",
        "ftp://u:pass%20word@h/",
        "u:pass%20word@h/",
        "http://u:pass%20word@h:x/",
    ] {
        let error = EventSource::get(url).build().unwrap_err();
        assert!(!is_secret(&error.report().to_string()), "{error}");
        assert!(!is_secret(&format!("{error:?}")), "{error:?}");
    }
    // The error of a refused request.
    let server = Server::start([Answer::End(respond("401 No", "", "who?"))]).await;
    let error = error(&mut EventSource::get(url(&server, "127.0.0.1")).build().unwrap()).await;
    assert!(
        !is_secret(&format!("{} {error:?}", error.report())),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_url_without_a_scheme_is_shown_with_what_is_missing() {
    for url in ["127.0.0.1:1/x", "localhost/x", "host:80/x?a=b"] {
        let error = EventSource::get(url)
            .build()
            .unwrap_err()
            .report()
            .to_string();
        assert!(error.contains(url) && error.contains("http://"), "{error}");
    }
}
