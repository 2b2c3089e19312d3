//! A client that disconnects anywhere in the stream, and resumes at either node.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;
use sse_proto::{Chunk, Decoder, Item};
use testkit::hub_id::HubId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

use super::{board::Board, publisher::TOPIC};
use crate::{program::number, soak::chunked::Chunked};

/// Approximate number of connections of a client, if no server ends them.
const CONNECTIONS_PER_CLIENT: u64 = 10;

/// One of this number of pauses lasts until the nodes no longer have the missed events in memory.
const LONG_PAUSE_RATIO: u32 = 50;

/// Reads until the client has all events.
pub(super) async fn follow(
    number: usize,
    ports: [u16; 2],
    first: HubId,
    rng: Rng,
    board: Arc<Board>,
) -> Result<()> {
    let mut client = Client {
        number,
        rng,
        seen: 0,
        last: first,
        board,
    };
    while client.seen < client.board.events {
        let node = client.rng.usize(..ports.len());
        client
            .visit(ports[node])
            .await
            .with_context(|| format!("client {number} at node {node}"))?;
        client.pause().await;
    }
    Ok(())
}

struct Client {
    number: usize,
    rng: Rng,
    /// Number of the last event.
    seen: u64,
    /// Last event ID.
    last: HubId,
    board: Arc<Board>,
}

/// State of a response body while it is read.
struct Body {
    chunked: Chunked,
    decoder: Decoder,
    /// True if the last two bytes were line ends, or if no byte was read.
    is_between: bool,
    was_lf: bool,
}

impl Client {
    /// Reads until the client or the server ends the connection.
    async fn visit(&mut self, port: u16) -> Result<()> {
        let board = Arc::clone(&self.board);
        let mut buffer = vec![0; 16 * 1024];
        let Some((mut connection, mut filled)) = self.open(port, &mut buffer).await? else {
            board.refused.up();
            return Ok(());
        };
        board.connections.up();
        let mut body = Body {
            chunked: Chunked::default(),
            decoder: Decoder::new(),
            is_between: true,
            was_lf: true,
        };
        // The client disconnects after this event, in the middle of the bytes that follow it.
        let until = self.seen + self.rng.u64(..=2 * board.events / CONNECTIONS_PER_CLIENT);
        loop {
            let leaves = self.seen >= until;
            let length = if leaves {
                self.rng.usize(..=filled)
            } else {
                filled
            };
            self.read(&mut body, &buffer[..length])?;
            if leaves || self.seen >= board.events {
                board.left.up();
                break;
            }
            filled = match connection.read(&mut buffer).await {
                Ok(filled @ 1..) => filled,
                // The server was killed, or this client is too slow.
                Ok(0) | Err(_) => {
                    board.ended.up();
                    break;
                }
            };
        }
        if !body.is_between {
            board.inside.up();
        }
        Ok(())
    }

    /// Connects, and returns the connection and the number of body bytes in the buffer. Returns `None` if the node does
    /// not respond.
    async fn open(&self, port: u16, buffer: &mut [u8]) -> Result<Option<(TcpStream, usize)>> {
        let Ok(mut connection) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
            return Ok(None);
        };
        let request = format!(
            "GET /events?topic={TOPIC} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nLast-Event-ID: {}\r\n\r\n",
            self.last
        );
        if connection.write_all(request.as_bytes()).await.is_err() {
            return Ok(None);
        }
        let mut filled = 0;
        loop {
            ensure!(
                filled < buffer.len(),
                "the head of the response is too large"
            );
            match connection.read(&mut buffer[filled..]).await {
                Ok(more @ 1..) => filled += more,
                Ok(0) | Err(_) => return Ok(None),
            }
            if let Some(end) = buffer[..filled]
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                let head = String::from_utf8_lossy(&buffer[..end]);
                ensure!(head.starts_with("HTTP/1.1 200 "), "the node answers {head}");
                buffer.copy_within(end + 4..filled, 0);
                return Ok(Some((connection, filled - end - 4)));
            }
        }
    }

    /// Decodes and checks the bytes.
    fn read(&mut self, body: &mut Body, mut bytes: &[u8]) -> Result<()> {
        let before = self.seen;
        loop {
            let part = body.chunked.next(&mut bytes)?;
            if part.is_empty() {
                break;
            }
            for byte in &part[part.len().saturating_sub(2)..] {
                body.is_between = body.was_lf && *byte == b'\n';
                body.was_lf = *byte == b'\n';
            }
            let mut chunk = Chunk::new(part);
            while let Some(item) = body.decoder.decode(&mut chunk)? {
                if let Item::Event(event) = item {
                    match event.event_type {
                        "message" => self.take(event.data, event.last_event_id)?,
                        "position" => self.move_to(event.last_event_id)?,
                        "lagged" => self.board.lagged.up(),
                        other => bail!(
                            "event {} with ID {} is followed by `{other}`: {}",
                            self.seen,
                            self.last,
                            event.data
                        ),
                    }
                }
            }
        }
        if self.seen > before {
            self.board
                .deliver(self.number, self.seen, self.seen - before);
        }
        Ok(())
    }

    fn take(&mut self, data: &str, id: &str) -> Result<()> {
        let (seen, last) = (self.seen, &self.last);
        let what = || format!("event {seen} with ID {last} is followed by {data:?} with ID {id:?}");
        let event = number(data).with_context(what)?;
        let id = HubId::parse(id).with_context(what)?;
        ensure!(event <= seen + 1, "{}: lost {}", what(), event - seen - 1);
        ensure!(
            event == seen + 1 && id.is_after(last),
            "{}: duplicate",
            what()
        );
        (self.seen, self.last) = (event, id);
        Ok(())
    }

    /// Takes a position from the hub, which also advances with events that this client does not get.
    fn move_to(&mut self, id: &str) -> Result<()> {
        let (seen, last) = (self.seen, &self.last);
        let id = HubId::parse(id).with_context(|| format!("the position {id:?} after {last}"))?;
        ensure!(
            id == *last || id.is_after(last),
            "event {seen} with ID {last} is followed by position {id}"
        );
        self.last = id;
        Ok(())
    }

    /// Waits before the next connection, usually for a short time.
    async fn pause(&mut self) {
        let board = Arc::clone(&self.board);
        let target = self.seen + board.kept + 100;
        if target < board.events && self.rng.u32(..LONG_PAUSE_RATIO) == 0 {
            board.wait_until(|board| board.published() >= target).await;
            board.late.up();
        } else {
            sleep(Duration::from_millis(self.rng.u64(..20))).await;
        }
    }
}
