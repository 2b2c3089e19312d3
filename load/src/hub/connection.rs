//! Connections whose bytes are not decoded.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Result, ensure};
use testkit::timeout::test_timeout;

/// Start of a successful response.
const OK: &[u8; 12] = b"HTTP/1.1 200";

/// Requests a stream, and waits for the first bytes of the response. `fields` are further fields of the request, each
/// with its line end.
pub(super) fn open(address: SocketAddr, target: &str, fields: &str) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(test_timeout()))?;
    write!(
        connection,
        "GET {target} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n"
    )?;
    let mut head = [0; OK.len()];
    connection.read_exact(&mut head)?;
    ensure!(
        head == *OK,
        "unexpected response {:?}",
        String::from_utf8_lossy(&head)
    );
    Ok(connection)
}
