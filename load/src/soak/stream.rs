//! Client side of one stream.

use std::{collections::VecDeque, net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use sse_proto::{Chunk, Decoder, Item, MessageEvent};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{chunked::Chunked, script::Script};

/// An open stream.
#[derive(Debug)]
pub(super) struct EventStream {
    connection: TcpStream,
    read_timeout: Duration,
    buffer: Vec<u8>,
    chunked: Chunked,
    decoder: Decoder,
    events: VecDeque<MessageEvent<String>>,
}

impl EventStream {
    /// Connects, requests the events after the last one that was received, and checks the head of the response.
    pub(super) async fn open(port: u16, script: Script, seen: u64) -> Result<Self> {
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let mut stream = Self {
            connection: connection.await.context("cannot connect")?,
            read_timeout: script.pause() + test_timeout(),
            buffer: vec![0; 8 * 1024],
            chunked: Chunked::default(),
            decoder: Decoder::new(),
            events: VecDeque::new(),
        };
        let path = script.path();
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        if seen > 0 {
            request.push_str(&format!("Last-Event-ID: {seen}\r\n"));
        }
        request.push_str("\r\n");
        stream.connection.write_all(request.as_bytes()).await?;
        stream.read_head().await?;
        Ok(stream)
    }

    /// Returns the next event, or `None` at the end of the body.
    pub(super) async fn next(&mut self) -> Result<Option<MessageEvent<String>>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.chunked.is_over() {
                return Ok(None);
            }
            let length = self.read().await?;
            ensure!(length > 0, "the connection ends inside the body");
            self.take(0, length)?;
        }
    }

    /// Disconnects by FIN. If bytes were not read, the kernel may send RST.
    pub(super) async fn close(mut self) {
        // The server may have disconnected first.
        let _ = self.connection.shutdown().await;
    }

    /// Disconnects by RST.
    pub(super) fn reset(self) -> Result<()> {
        self.connection.set_zero_linger().context("cannot reset")
    }

    async fn read_head(&mut self) -> Result<()> {
        let mut head = Vec::new();
        let end = loop {
            let length = self.read().await?;
            ensure!(length > 0, "the connection ends inside the head");
            let before = head.len();
            head.extend_from_slice(&self.buffer[..length]);
            if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
                self.take(end + 4 - before, length)?;
                break end;
            }
        };
        let head = String::from_utf8_lossy(&head[..end]);
        let right = head.starts_with("HTTP/1.1 200 ")
            && head.contains("content-type: text/event-stream")
            && head.contains("transfer-encoding: chunked");
        ensure!(right, "unexpected response {head:?}");
        Ok(())
    }

    async fn read(&mut self) -> Result<usize> {
        let read = timeout(self.read_timeout, self.connection.read(&mut self.buffer));
        read.await
            .context("no data in time")?
            .context("cannot read")
    }

    /// Decodes a part of the buffer.
    fn take(&mut self, start: usize, end: usize) -> Result<()> {
        let mut wire = &self.buffer[start..end];
        while !wire.is_empty() {
            let mut chunk = Chunk::new(self.chunked.next(&mut wire)?);
            while let Some(item) = self.decoder.decode(&mut chunk)? {
                if let Item::Event(event) = item.map(str::to_owned) {
                    self.events.push_back(event);
                }
            }
        }
        Ok(())
    }
}
