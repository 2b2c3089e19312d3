//! Reads events of a server, by the transport of launchdarkly-sdk-transport.
#![cfg(feature = "hyper")]

use std::time::Duration;

use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use futures_util::StreamExt;
use launchdarkly_sdk_transport::HyperTransport;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[tokio::test]
async fn it_resumes_after_a_cut_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut heads = Vec::new();
        // The length says more than is sent.
        for body in ["id: 1\ndata: a\n\ndata: cut", "data: b\n\n"] {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(connection.read_u8().await.unwrap());
            }
            let response = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\n{body}"
            );
            connection.write_all(response.as_bytes()).await.unwrap();
            heads.push(String::from_utf8(head).unwrap().to_lowercase());
        }
        heads
    });
    let options = ReconnectOptions::reconnect(true).delay(Duration::from_millis(1));
    let client = ClientBuilder::for_url(&url)
        .unwrap()
        .reconnect(options.build())
        .build_with_transport(HyperTransport::new().unwrap());
    let mut items = client.stream();
    let mut data = Vec::new();
    let mut errors = 0;
    while data.len() < 2 {
        match items.next().await.unwrap() {
            Ok(SSE::Event(event)) => data.push((event.id.unwrap(), event.data)),
            Ok(_) => {}
            Err(_) => errors += 1,
        }
    }
    assert_eq!(data, [("1".into(), "a".into()), ("1".into(), "b".into())]);
    assert_eq!(errors, 1);
    let heads = server.await.unwrap();
    assert!(!heads[0].contains("last-event-id"));
    assert!(heads[1].contains("last-event-id: 1\r\n"));
}
