//! Requests through proxies.

mod support;

use sse_source::{EventSource, Item, Proxy, Transport};
use support::{Answer, Server, events, next, soon, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn source(url: &str, proxy: &str) -> EventSource {
    let proxy = Proxy::all(proxy).unwrap();
    EventSource::get(url)
        .config(soon())
        .transport(Transport::builder().proxy(proxy).build())
        .build()
        .unwrap()
}

/// Uses a proxy that answers by itself, so that no name is resolved.
#[tokio::test]
async fn a_proxy_forwards_requests_for_http() {
    let proxy = Server::start([
        Answer::End(stream("data: a\n\n")),
        Answer::Hang(stream("data: b\n\n")),
    ])
    .await;
    let url = "http://name.invalid:81/x?y";
    let mut source = source(url, &format!("http://user:pass%20word@{}", proxy.address));
    assert_eq!(events(&mut source, 2).await, ["a", "b"]);
    for request in proxy.requests() {
        let line = "get http://name.invalid:81/x?y http/1.1\r\n";
        assert!(request.starts_with(line), "{request}");
        assert!(
            request.contains("\r\nhost: name.invalid:81\r\n"),
            "{request}"
        );
        let credentials = "\r\nproxy-authorization: basic dxnlcjpwyxnzihdvcmq=\r\n";
        assert!(request.contains(credentials), "{request}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_a_tunnel_is_told() {
    for (status, expected) in [(407, "proxy authorization required"), (403, "unsuccessful")] {
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        let proxy = Server::start([Answer::Hang(answer.into())]).await;
        let mut source = source("https://name.invalid/", &proxy.address.to_string());
        match next(&mut source).await {
            Some(Ok(Item::Disconnected(it))) => {
                let cause = it.cause().to_string();
                assert!(cause.contains(expected), "{cause}");
            }
            other => panic!("{other:?}"),
        }
        let request = proxy.requests().remove(0);
        assert!(
            request.starts_with("connect name.invalid:443 "),
            "{request}"
        );
    }
}

/// Starts a SOCKS proxy ([RFC 1928](https://www.rfc-editor.org/rfc/rfc1928),
/// [RFC 1929](https://www.rfc-editor.org/rfc/rfc1929)) that always connects to this server.
///
/// Returns its address, and a task that returns the host and the port of the request.
async fn socks_proxy(target: &Server) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let target = target.address;
    let asked = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut greeting = [0; 2];
        client.read_exact(&mut greeting).await.unwrap();
        let mut methods = vec![0; usize::from(greeting[1])];
        client.read_exact(&mut methods).await.unwrap();
        assert!(methods.contains(&2), "{methods:?}");
        client.write_all(&[5, 2]).await.unwrap();
        let mut credentials = [0; 3 + "user".len() + "pass word".len()];
        client.read_exact(&mut credentials).await.unwrap();
        assert_eq!(&credentials[..], b"\x01\x04user\x09pass word");
        client.write_all(&[1, 0]).await.unwrap();
        let mut request = [0; 5];
        client.read_exact(&mut request).await.unwrap();
        assert_eq!(request[..4], [5, 1, 0, 3], "CONNECT to a name");
        let mut host = vec![0; usize::from(request[4]) + 2];
        client.read_exact(&mut host).await.unwrap();
        let answer = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        client.write_all(&answer).await.unwrap();
        let mut server = TcpStream::connect(target).await.unwrap();
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        host
    });
    (address, asked)
}

#[tokio::test]
async fn a_socks_proxy_resolves_names() {
    let server = Server::start([Answer::Hang(stream("data: a\n\n"))]).await;
    let (address, asked) = socks_proxy(&server).await;
    let proxy = format!("socks5://user:pass%20word@{address}");
    let mut source = source("http://name.invalid:81/x", &proxy);
    assert_eq!(events(&mut source, 1).await, ["a"]);
    assert_eq!(asked.await.unwrap(), b"name.invalid\0\x51");
    let request = server.requests().remove(0);
    assert!(request.starts_with("get /x http/1.1\r\n"), "{request}");
}

/// Checks that the address filter applies to the proxy.
#[tokio::test]
async fn a_proxy_has_an_address_too() {
    let proxy = Server::start([Answer::Hang(stream("data: a\n\n"))]).await;
    for is_allowed in [false, true] {
        let transport = Transport::builder()
            .proxy(Proxy::all(&proxy.address.to_string()).unwrap())
            .allow_address(move |address| address.is_loopback() == is_allowed)
            .build();
        let request = EventSource::get("http://192.0.2.1/").transport(transport);
        let result = request.send().await;
        assert_eq!(result.is_ok(), is_allowed, "{result:?}");
    }
}
