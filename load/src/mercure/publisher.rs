//! Publisher that sends all events of a burst at once, each in its own request, over one connection.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Context as _, Result, ensure};
use testkit::timeout::test_timeout;

use crate::{
    commands::{LENGTH, text},
    program::number,
};

/// Connection of a publisher.
#[derive(Debug)]
pub struct Publisher {
    connection: BufReader<TcpStream>,
    /// Request line and fields of each request.
    head: String,
    /// Number of events up to now.
    events: u64,
    /// Number of requests without a response.
    unanswered: u64,
}

impl Publisher {
    /// Connects to the hub. It publishes by `POST` requests to this path, with this token.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot connect.
    pub fn connect(address: SocketAddr, path: &str, token: &str) -> Result<Self> {
        let connection = TcpStream::connect(address)?;
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(test_timeout()))?;
        Ok(Self {
            connection: BufReader::new(connection),
            head: format!(
                "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n"
            ),
            events: 0,
            unanswered: 0,
        })
    }

    /// Sends this number of events of a topic, and does not wait for the responses.
    ///
    /// # Errors
    ///
    /// Returns an error if the hub has closed the connection.
    pub fn send(&mut self, topic: &str, events: u64) -> Result<()> {
        let mut requests = String::new();
        for _ in 0..events {
            let mut form = form_urlencoded::Serializer::new(String::new());
            let data = text(self.events, LENGTH);
            let form = form
                .append_pair("topic", topic)
                .append_pair("data", &data)
                .finish();
            requests.push_str(&self.head);
            requests.push_str(&format!("Content-Length: {}\r\n\r\n{form}", form.len()));
            self.events += 1;
        }
        self.unanswered += events;
        Ok(self.connection.get_mut().write_all(requests.as_bytes())?)
    }

    /// Waits for the responses to all requests.
    ///
    /// # Errors
    ///
    /// Returns an error if the hub has refused an event.
    pub fn wait(&mut self) -> Result<()> {
        while self.unanswered > 0 {
            self.read_response()?;
            self.unanswered -= 1;
        }
        Ok(())
    }

    fn read_response(&mut self) -> Result<()> {
        let status = self.read_line()?;
        ensure!(
            status.starts_with("HTTP/1.1 200"),
            "publication refused: {status}"
        );
        let mut length = None;
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = number(value);
            }
        }
        let mut body = vec![0; length.context("a response without a length")? as usize];
        Ok(self.connection.read_exact(&mut body)?)
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.connection.read_line(&mut line)?;
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}
