//! A connection that breaks in the middle of a stream.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::Result;

/// Line of the third event of `/golden`.
const THIRD_GOLDEN_ID: &str = "id: 3\n";

/// Proxy that forwards every connection to a server, and cuts one connection after a certain event.
#[derive(Debug)]
pub struct Cutter {
    /// Port of the proxy.
    pub port: u16,
    heads: Heads,
}

/// Heads of all requests, in the order of their arrival.
type Heads = Arc<Mutex<Vec<String>>>;

impl Cutter {
    /// Starts a proxy for the server with this port, which cuts after the third event of `/golden`. It runs until the
    /// test program ends.
    pub fn start(server: u16) -> Result<Self> {
        Self::start_at(server, THIRD_GOLDEN_ID)
    }

    /// Starts a proxy that cuts no connection.
    pub fn start_without_cut(server: u16) -> Result<Self> {
        // No line has a NUL.
        Self::start_at(server, "\0")
    }

    /// Starts a proxy that cuts after the first event with this text, when the server sends the next block.
    pub fn start_at(server: u16, text: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let heads = Heads::default();
        let cut = Cut {
            text: text.into(),
            is_done: Arc::default(),
        };
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // The client detects errors here.
                let _ = forward(client, server, &heads, &cut);
            }
        });
        Ok(Self { port, heads: seen })
    }

    /// Returns the first line of each request up to now, except those of the method `OPTIONS`.
    pub fn request_lines(&self) -> Vec<String> {
        let heads = self.heads();
        let lines = heads.iter().filter_map(|head| head.split("\r\n").next());
        lines.map(str::to_owned).collect()
    }

    /// Returns the `Last-Event-ID` of each request up to now, except those of the method `OPTIONS`.
    pub fn last_event_ids(&self) -> Vec<Option<String>> {
        let heads = self.heads();
        heads
            .iter()
            .map(|head| header(head, "last-event-id"))
            .collect()
    }

    fn heads(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let heads = heads.iter().filter(|head| !head.starts_with("OPTIONS "));
        heads.cloned().collect()
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().to_owned())
}

/// Event after which one connection is cut.
#[derive(Clone)]
struct Cut {
    text: Arc<str>,
    is_done: Arc<AtomicBool>,
}

impl Cut {
    /// Returns the end of the event in the bytes of a stream, if they have it and the next block, and no connection has
    /// been cut before.
    //
    // The next block tells that the client has had time for the event. A page loses bytes that it has not read yet when
    // its connection breaks.
    fn place(&self, stream: &[u8]) -> Option<usize> {
        let text_end = end_of(stream, self.text.as_bytes())? - 1;
        let end = text_end + end_of_block(&stream[text_end..])?;
        end_of_block(&stream[end..])?;
        (!self.is_done.swap(true, Ordering::Relaxed)).then_some(end)
    }
}

/// Forwards both directions of a connection, each in a thread. The requests must have no bodies.
fn forward(mut client: TcpStream, port: u16, heads: &Heads, cut: &Cut) -> Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let (heads, cut) = (Arc::clone(heads), cut.clone());
    thread::spawn(move || {
        let mut head = Vec::new();
        let _ = copy(&mut client, &mut server, |new| {
            head.extend_from_slice(new);
            while let Some(end) = end_of(&head, b"\r\n\r\n") {
                let head: Vec<_> = head.drain(..end).collect();
                let head = String::from_utf8_lossy(&head).into_owned();
                let mut heads = heads.lock().unwrap_or_else(PoisonError::into_inner);
                heads.push(head);
            }
            None
        });
    });
    thread::spawn(move || {
        let mut stream = Vec::new();
        let _ = copy(&mut from_server, &mut to_client, |new| {
            let before = stream.len();
            stream.extend_from_slice(new);
            Some(cut.place(&stream)?.saturating_sub(before))
        });
    });
    Ok(())
}

/// Copies bytes until one of the connections ends, or up to the place that the function returns for the new bytes. Then
/// it closes both connections.
fn copy(
    from: &mut TcpStream,
    to: &mut TcpStream,
    mut end: impl FnMut(&[u8]) -> Option<usize>,
) -> Result<()> {
    let mut buffer = [0; 4096];
    let mut copy = || -> Result<()> {
        loop {
            let read = from.read(&mut buffer)?;
            let end = end(&buffer[..read]);
            to.write_all(&buffer[..end.unwrap_or(read)])?;
            if read == 0 || end.is_some() {
                return Ok(());
            }
        }
    };
    let copied = copy();
    for connection in [from, to] {
        // The other thread may have closed it.
        let _ = connection.shutdown(Shutdown::Both);
    }
    copied
}

/// Returns the end of the first blank line.
fn end_of_block(bytes: &[u8]) -> Option<usize> {
    let ends = [&b"\n\n"[..], b"\n\r\n"].map(|line| end_of(bytes, line));
    ends.into_iter().flatten().min()
}

fn end_of(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let place = bytes.windows(what.len()).position(|window| window == what);
    place.map(|place| place + what.len())
}
