//! Server without a library, which shows the cost of the system calls that send the same bytes to many connections.
//!
//! A burst is encoded once, as one chunk, and written to each connection with one system call. Events have IDs as long as
//! those of sse-hub. There is no keep-alive.
//! The server reads a request only to find its end.

use std::{
    collections::VecDeque,
    future::Future,
    io::{self, Read as _, Write as _},
    pin::pin,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread,
};

use mio::{
    Events, Interest, Poll, Registry, Token, Waker,
    net::{TcpListener, TcpStream},
};
use sse_proto::Event;

use crate::commands::{Commands, ServerCommand, print_missed};

/// Response head of the server `ours`.
const RESPONSE_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    cache-control: no-cache, no-transform\r\nincremental: ?1\r\nx-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\
    date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";

/// ID of the first event.
const FIRST_ID: u64 = 1_000_000_000;

const COMMANDS: Token = Token(usize::MAX);
const LISTENER: Token = Token(usize::MAX - 1);

/// Serves from a separate thread, which waits only for the kernel.
pub(super) async fn serve(
    listener: tokio::net::TcpListener,
    mut commands: Commands,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (sender, received) = mpsc::channel();
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), COMMANDS)?;
    let mut listener = TcpListener::from_std(listener.into_std()?);
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let server = Server {
        poll,
        listener,
        commands: received,
        connections: Vec::new(),
        id: FIRST_ID,
    };
    thread::spawn(|| {
        if let Err(error) = server.run() {
            eprintln!("{error}");
        }
    });
    let mut shutdown = pin!(shutdown);
    loop {
        let order = tokio::select! {
            order = commands.next() => order,
            () = &mut shutdown => None,
        };
        let Some(order) = order else {
            return Ok(());
        };
        if sender.send(order).is_err() {
            return Err(io::Error::other("the server thread has ended"));
        }
        waker.wake()?;
    }
}

/// State of the server thread.
struct Server {
    poll: Poll,
    listener: TcpListener,
    commands: Receiver<ServerCommand>,
    /// Connections by the number of their token.
    connections: Vec<Option<Connection>>,
    /// ID of the next event.
    id: u64,
}

impl Server {
    fn run(mut self) -> io::Result<()> {
        let mut ready = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut ready, None) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &ready {
                match event.token() {
                    COMMANDS => self.run_commands(),
                    LISTENER => self.accept()?,
                    Token(index) => {
                        let connection = &mut self.connections[index];
                        if connection
                            .as_mut()
                            .is_some_and(|connection| !connection.make_progress())
                        {
                            *connection = None;
                        }
                    }
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let token = Token(self.connections.len());
                    let connection = Connection::new(stream, token, self.poll.registry())?;
                    self.connections.push(Some(connection));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn run_commands(&mut self) {
        for order in self.commands.try_iter() {
            match order {
                ServerCommand::Missed => print_missed(0),
                ServerCommand::Publish(texts) => {
                    let chunk: Arc<[u8]> = chunk(texts, &mut self.id).into();
                    for connection in &mut self.connections {
                        if connection
                            .as_mut()
                            .is_some_and(|connection| !connection.send(&chunk))
                        {
                            *connection = None;
                        }
                    }
                }
            }
        }
    }
}

/// Connection of a subscriber.
struct Connection {
    stream: TcpStream,
    /// Bytes of the request.
    seen: Vec<u8>,
    is_open: bool,
    /// Chunks that wait for the socket.
    rest: VecDeque<Arc<[u8]>>,
    /// Number of written bytes of the first waiting chunk.
    written: usize,
}

impl Connection {
    fn new(mut stream: TcpStream, token: Token, registry: &Registry) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            seen: Vec::new(),
            is_open: false,
            rest: VecDeque::new(),
            written: 0,
        })
    }

    /// Reads and writes as much as possible. Returns false if the connection has ended.
    fn make_progress(&mut self) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(_) if self.is_open => {}
                Ok(length) => {
                    self.seen.extend_from_slice(&buffer[..length]);
                    if self.seen.ends_with(b"\r\n\r\n") {
                        self.seen = Vec::new();
                        self.is_open = true;
                        self.rest.push_back(RESPONSE_HEAD.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        self.write_rest()
    }

    /// Writes a chunk, at once if no other chunk waits. Returns false if the connection has ended.
    fn send(&mut self, chunk: &Arc<[u8]>) -> bool {
        if !self.is_open {
            return true;
        }
        if self.rest.is_empty() {
            match self.stream.write(chunk) {
                Ok(length) if length == chunk.len() => return true,
                Ok(length) => self.written = length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.written = 0,
                Err(_) => return false,
            }
        }
        self.rest.push_back(Arc::clone(chunk));
        true
    }

    fn write_rest(&mut self) -> bool {
        while let Some(chunk) = self.rest.front() {
            match self.stream.write(&chunk[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
            if self.written == chunk.len() {
                self.rest.pop_front();
                self.written = 0;
            }
        }
        true
    }
}

/// Encodes these events as one HTTP/1.1 chunk.
fn chunk(texts: Vec<String>, id: &mut u64) -> Vec<u8> {
    let mut blocks = Vec::new();
    for text in texts {
        Event::new(text).with_id(*id).encode(&mut blocks);
        *id += 1;
    }
    let mut chunk = format!("{:X}\r\n", blocks.len()).into_bytes();
    chunk.extend_from_slice(&blocks);
    chunk.extend_from_slice(b"\r\n");
    chunk
}
