//! Filters for URIs and addresses, and the URI of a response.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use sse_source::{DisconnectReason, Error, EventSource, Item, Transport};
use support::{Answer, Server, next, respond, soon, stream};

/// Starts a server that redirects to this location.
async fn redirect(location: &str) -> Server {
    let headers = format!("Location: {location}\r\n");
    Server::start([Answer::End(respond("307 Temporary Redirect", &headers, ""))]).await
}

fn port(server: &Server) -> u16 {
    server.address.port()
}

#[tokio::test]
async fn a_uri_that_is_not_allowed_is_an_error_at_once() {
    let server = Server::start([Answer::End(stream("data: 1\n\n"))]).await;
    let transport = Transport::builder()
        .allow_uri(|uri| uri.path() != "/events")
        .build();
    let builder = || EventSource::get(server.url()).transport(transport.clone());
    let error = builder().build().unwrap_err();
    assert!(matches!(error, Error::Request(_)), "{error:?}");
    let expected = format!("URI {} is not allowed", server.url());
    assert!(error.report().to_string().ends_with(&expected), "{error}");

    // The URI is also checked after a preparation, and if another transport wraps this one.
    let mut late = builder()
        .map_request(|request| async { Ok(request) })
        .build()
        .unwrap();
    let error = support::error(&mut late).await;
    assert!(matches!(error, Error::Request(_)), "{error:?}");
    let nested =
        EventSource::get(server.url()).transport(Transport::from_service(transport.clone()));
    let error = nested.send().await.unwrap_err();
    assert!(error.report().to_string().contains(&expected), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_to_a_uri_that_is_not_allowed_is_not_followed() {
    let target = Server::start([Answer::End(stream("data: secret\n\n"))]).await;
    let server = redirect(&target.url()).await;
    let allowed = port(&server);
    let transport = Transport::builder()
        .allow_uri(move |uri| uri.port_u16() == Some(allowed))
        .build();
    let mut source = EventSource::get(server.url())
        .config(soon())
        .transport(transport)
        .build()
        .unwrap();
    let error = support::error(&mut source).await;
    let expected = format!("redirect to \"{}\" not followed", target.url());
    assert!(error.report().to_string().contains(&expected), "{error}");
    assert!(matches!(error, Error::UnexpectedResponse(_)), "{error:?}");
    assert!(target.requests().is_empty());
}

/// Returns the text of the network error of the first attempt.
async fn refused(url: String, transport: Transport) -> String {
    let mut source = EventSource::get(url)
        .config(soon())
        .transport(transport)
        .build()
        .unwrap();
    match next(&mut source).await {
        Some(Ok(Item::Disconnected(it))) if it.reason == DisconnectReason::NetworkError => {
            it.cause().to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_connected_to() {
    let server = Server::start([Answer::End(stream("data: secret\n\n"))]).await;
    let port = port(&server);
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "2130706433",
        "0x7f.1",
        "127.1",
    ] {
        let transport = Transport::builder().allow_address(|address| !address.is_loopback());
        let error = refused(format!("http://{host}:{port}/"), transport.build()).await;
        assert!(error.contains("address "), "{host}: {error}");
        assert!(error.contains(" is not allowed"), "{host}: {error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_to_an_address_that_is_not_allowed_is_not_followed() {
    let address = (Ipv4Addr::new(127, 0, 0, 2), 0).into();
    let target = Server::start_at(address, [Answer::End(stream("data: secret\n\n"))]).await;
    let server = redirect(&target.url()).await;
    let transport = Transport::builder().allow_address(|address| address == Ipv4Addr::LOCALHOST);
    let error = refused(server.url(), transport.build()).await;
    assert!(
        error.contains("address 127.0.0.2 is not allowed"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn of_several_addresses_those_that_are_allowed_are_taken() {
    let server = Server::start([Answer::End(stream("data: 1\n\n"))]).await;
    let seen = Arc::new(Mutex::new(Vec::<IpAddr>::new()));
    let notes = Arc::clone(&seen);
    let transport = Transport::builder().allow_address(move |address| {
        notes.lock().unwrap().push(address);
        address != Ipv6Addr::LOCALHOST
    });
    let url = format!("http://localhost:{}/", port(&server));
    let request = EventSource::get(url).transport(transport.build());
    let mut events = request.send().await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(Item::Event(_)))));
    let seen = seen.lock().unwrap();
    assert!(seen.contains(&Ipv4Addr::LOCALHOST.into()), "{seen:?}");
}

#[tokio::test]
async fn the_response_says_where_it_is_from() {
    let target = Server::start([Answer::End(stream("data: 1\n\n"))]).await;
    let server = redirect(&target.url()).await;
    let transports = [
        Transport::new(),
        Transport::from_service(Transport::new()),
        #[cfg(feature = "reqwest")]
        Transport::from_reqwest(reqwest::Client::new()),
    ];
    for transport in transports {
        let builder = || EventSource::get(server.url()).transport(transport.clone());
        let events = builder().send().await.unwrap();
        assert_eq!(events.uri(), &target.url()[..]);
        let mut source = builder().build().unwrap();
        match next(&mut source).await {
            Some(Ok(Item::Open(open))) => assert_eq!(open.uri, target.url()[..]),
            other => panic!("{other:?}"),
        }
    }
    let refusing = Server::start([Answer::End(respond("403 Forbidden", "", ""))]).await;
    let server = redirect(&refusing.url()).await;
    match EventSource::get(server.url()).send().await {
        Err(Error::UnexpectedResponse(refused)) => assert_eq!(refused.uri, refusing.url()[..]),
        other => panic!("{other:?}"),
    }
}
