//! Detection of the protocol of a connection without TLS, by its first bytes.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// First bytes of a client that knows that the server speaks HTTP/2.
//
// https://www.rfc-editor.org/rfc/rfc9113#section-3.4
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads the first bytes of a connection until they show its protocol, and returns them. They are empty if the client
/// has sent nothing before its end.
pub(crate) async fn detect(io: &mut (impl AsyncRead + Unpin)) -> io::Result<(Protocol, Bytes)> {
    let mut buffer = [0; PREFACE.len()];
    let mut length = 0;
    while length < PREFACE.len() {
        let count = io.read(&mut buffer[length..]).await?;
        length += count;
        if count == 0 || !PREFACE.starts_with(&buffer[..length]) {
            return Ok((Protocol::Http1, Bytes::copy_from_slice(&buffer[..length])));
        }
    }
    Ok((Protocol::Http2, Bytes::copy_from_slice(&buffer)))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn the_preface_is_detected_in_any_pieces() {
        let request = b"PRINT / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for (sent, expected, shown) in [
            (&PREFACE[..], Protocol::Http2, &PREFACE[..]),
            (
                b"GET / HTTP/1.1\r\n\r\n",
                Protocol::Http1,
                b"GET / HTTP/1.1\r\n\r\n",
            ),
            (request, Protocol::Http1, &request[..24]),
            (b"PR", Protocol::Http1, b"PR"),
            (b"", Protocol::Http1, b""),
        ] {
            for piece in 1..=sent.len().max(1) {
                let (mut client, mut server) = tokio::io::duplex(1024);
                let send = async {
                    for bytes in sent.chunks(piece) {
                        client.write_all(bytes).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                    drop(client);
                };
                let (detected, ()) = tokio::join!(detect(&mut server), send);
                let (protocol, mut bytes) = {
                    let (protocol, bytes) = detected.unwrap();
                    (protocol, bytes.to_vec())
                };
                assert_eq!(protocol, expected);
                assert!(shown.starts_with(&bytes));
                server.read_to_end(&mut bytes).await.unwrap();
                assert_eq!(bytes, sent, "no byte is lost");
            }
        }
    }
}
