//! Texts of errors: each level says its own part, and a chain printer prints no text twice.

mod support;

use std::{collections::HashSet, error, iter, time::Duration};

use futures_util::StreamExt;
use http::{Method, Response};
use sse_source::{BoxError, Error, EventSource, Events, Proxy, Transport};
use support::{Answer, Server, respond, soon, stream};

const SHORT_TIMEOUT: Option<Duration> = Some(Duration::from_millis(300));

/// Returns the texts of an error and its causes, as a chain printer prints them, and checks that none repeats another.
fn texts(error: &(dyn error::Error + 'static)) -> Vec<String> {
    let chain = iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = chain.map(ToString::to_string).collect();
    let distinct: HashSet<_> = texts.iter().collect();
    assert_eq!(distinct.len(), texts.len(), "{texts:?}");
    for (index, text) in texts.iter().enumerate() {
        assert!(!text.is_empty() && !text.ends_with('.'), "{texts:?}");
        for cause in &texts[index + 1..] {
            assert!(!text.contains(cause.as_str()), "{texts:?}");
        }
    }
    texts
}

fn check(error: &Error, expected: &str) {
    let texts = texts(error);
    assert_eq!(texts.join(": "), error.report().to_string());
    let report = error.report().to_string();
    assert!(report.starts_with(expected), "{report}");
}

async fn sent(answer: Answer) -> Error {
    let server = Server::start([answer]).await;
    let config = soon().idle_timeout(SHORT_TIMEOUT);
    let events = EventSource::get(server.url()).config(config).send().await;
    let mut events = match events {
        Ok(events) => events,
        Err(error) => return error,
    };
    loop {
        match events.next().await.expect("an error at the end") {
            Ok(_) => server.reset(),
            Err(error) => return error,
        }
    }
}

#[tokio::test]
async fn of_requests() {
    let error = EventSource::get("/x y").build().unwrap_err();
    check(
        &error,
        "cannot send request: URI \"/x y\" does not start with http",
    );
    let error = EventSource::get("http://h/x y").build().unwrap_err();
    check(
        &error,
        "cannot send request: invalid URI \"http://h/x y\": ",
    );
    let error = EventSource::get("ftp://h/").build().unwrap_err();
    check(
        &error,
        "cannot send request: the URI is neither http nor https: ",
    );
    let error = EventSource::get("http://h/").header("a b", "c").build();
    check(
        &error.unwrap_err(),
        "cannot send request: invalid HTTP header name",
    );
    let error = EventSource::get("http://h/").bearer_auth("a\nb").build();
    check(
        &error.unwrap_err(),
        "cannot send request: failed to parse header value",
    );
    let builder = EventSource::get("http://h/").map_request(|_| async {
        let cause = std::io::Error::other("no token");
        Err(BoxError::from(cause))
    });
    check(
        &builder.send().await.unwrap_err(),
        "cannot send request: no token",
    );
    let transport = Transport::builder().allow_uri(|_| false).build();
    let error = EventSource::get("http://h/").transport(transport).build();
    check(
        &error.unwrap_err(),
        "cannot send request: URI http://h/ is not allowed",
    );
}

#[cfg(feature = "json")]
#[tokio::test]
async fn of_json() {
    let keys = std::collections::HashMap::from([((1, 2), 3)]);
    let error = EventSource::get("http://h/").json(&keys).build();
    check(
        &error.unwrap_err(),
        "cannot send request: key must be a string",
    );
    let response = Response::builder().header("content-type", "text/event-stream");
    let response = response.body("data: [DONE]\n\n".to_owned()).unwrap();
    let mut numbers = Events::from_response(response).await.unwrap().json::<u8>();
    let error = numbers.next().await.unwrap().unwrap_err();
    check(&error, "data of the event is not the expected JSON: ");
}

#[tokio::test]
async fn of_responses() {
    let response = Response::builder().status(401).body("who?".to_owned());
    let error = Events::from_response(response.unwrap()).await.unwrap_err();
    check(&error, "status 401 Unauthorized: who?");
    check(
        &sent(Answer::End(stream("data: 1"))).await,
        "the server ended the stream inside an event",
    );
    let silent = sent(Answer::Hang(stream(""))).await;
    check(&silent, "nothing came for too long");
}

#[tokio::test]
async fn of_the_network() {
    let url = format!("http://127.0.0.1:{}/", testkit::port::free().unwrap());
    let error = EventSource::get(&url).send().await.unwrap_err();
    check(&error, "network error: client error (Connect): ");
    for answer in [
        Answer::Reset(Vec::new()),
        Answer::Reset(stream("data: 1\n\n")),
        Answer::End(Vec::new()),
        Answer::End(b"SSH-2.0\r\n".to_vec()),
        Answer::End(respond(
            "200 OK",
            "Content-Type: text/event-stream\r\nContent-Length: 99\r\n",
            "",
        )),
        Answer::End(respond(
            "200 OK",
            "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
            "no number\r\n",
        )),
    ] {
        check(&sent(answer).await, "network error: ");
    }
    let server = Server::start([Answer::End(respond("407 Who", "", ""))]).await;
    for proxy in ["http", "socks5"] {
        let proxy = Proxy::all(&format!("{proxy}://{}", server.address)).unwrap();
        let transport = Transport::builder().proxy(proxy);
        let transport = transport.connect_timeout(SHORT_TIMEOUT).build();
        let builder = EventSource::request(Method::GET, "https://h/").transport(transport);
        #[cfg(feature = "rustls")]
        check(&builder.send().await.unwrap_err(), "network error: ");
        #[cfg(not(feature = "rustls"))]
        drop(builder);
    }
    let transport = Transport::builder().allow_address(|_| false).build();
    let builder = EventSource::get("http://127.0.0.1:1/").transport(transport);
    check(&builder.send().await.unwrap_err(), "network error: ");
}

#[cfg(feature = "compression")]
#[tokio::test]
async fn of_compression() {
    let head = "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n";
    let error = sent(Answer::End(respond("200 OK", head, "not gzip at all"))).await;
    check(&error, "network error: cannot decode gzip body: ");
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn of_tls() {
    let server = Server::start([Answer::End(stream(""))]).await;
    let transport = Transport::builder().connect_timeout(SHORT_TIMEOUT).build();
    let builder = EventSource::get(format!("https://{}/", server.address)).transport(transport);
    check(&builder.send().await.unwrap_err(), "network error: ");
    let invalid = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, expected) in [
        (&b""[..], "there is no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\n", "invalid certificate"),
        (invalid, "invalid certificate"),
    ] {
        let error = Transport::builder().root_certificates(pem).unwrap_err();
        assert_eq!(texts(&error)[0], expected);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["h".to_owned()]).unwrap();
    let chain = certificate.self_signed(&key).unwrap().pem();
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for (key, expected) in [
        ("", "there is no private key in PEM"),
        (&other, "invalid private key"),
    ] {
        let builder = Transport::builder().client_certificate(chain.as_bytes(), key.as_bytes());
        assert_eq!(texts(&builder.unwrap_err())[0], expected);
    }
}

#[test]
fn of_proxies() {
    let error = Proxy::all("ftp://h").unwrap_err();
    assert_eq!(
        texts(&error),
        ["proxy \"ftp://h\" is neither http://HOST:PORT nor socks5://HOST:PORT"]
    );
}
