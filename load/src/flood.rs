//! A server that always has more than is read: streams of the benchmarks of the codec, encoded
//! before anybody asks, and written again and again.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use anyhow::{Context as _, Result};

use crate::{
    clients::{Client, Received},
    number::number,
    tally::Tally,
    workloads::{Record, Workload, workloads},
};

/// Of the workloads of the benchmarks, those that are served.
const KEYS: [&str; 3] = ["a", "b", "e"];

/// The one that is served with an event in each chunk, too, as LLM APIs have it.
const ONE_BY_ONE: &str = "a";

/// How large the chunks of HTTP/1.1 are: as in the benchmarks.
const CHUNK: usize = 16 * 1024;

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What ends a body of chunks.
const END: &[u8] = b"0\r\n\r\n";

/// A stream that is served.
#[derive(Debug)]
pub struct Stream {
    /// The path.
    pub key: String,
    /// What is in it.
    pub title: String,
    /// Its events.
    pub records: Vec<Record>,
    length: u64,
    chunks: Vec<u8>,
}

/// All that are served.
pub fn streams() -> Vec<Stream> {
    let mut workloads = workloads();
    workloads.retain(|it| KEYS.contains(&it.key));
    let large = workloads.iter().map(Stream::in_large_chunks);
    let one_by_one = workloads.iter().filter(|it| it.key == ONE_BY_ONE);
    large.chain(one_by_one.map(Stream::one_by_one)).collect()
}

impl Stream {
    fn in_large_chunks(workload: &Workload) -> Self {
        Self {
            key: workload.key.into(),
            title: format!("{}: {}", workload.key, workload.title),
            records: workload.records.clone(),
            length: workload.stream.len() as u64,
            chunks: chunks(workload.stream.chunks(CHUNK)),
        }
    }

    fn one_by_one(workload: &Workload) -> Self {
        let stream = Self::in_large_chunks(workload);
        let starts = [0].iter().chain(&workload.ends);
        let events = starts
            .zip(&workload.ends)
            .map(|(start, end)| &workload.stream[*start..*end]);
        Self {
            key: format!("{}-one-by-one", stream.key),
            title: format!("{}, one in each chunk of HTTP", stream.title),
            chunks: chunks(events),
            ..stream
        }
    }

    /// How many events it has.
    pub fn events(&self) -> u64 {
        self.records.len() as u64
    }

    /// Where it is served so many times in one response.
    pub fn uri(&self, port: u16, times: u64) -> String {
        format!("http://127.0.0.1:{port}/{}/{times}", self.key)
    }

    /// What a client has to make of that response.
    pub fn tally(&self, client: Client, times: u64) -> Tally {
        let mut tally = Tally::default();
        if !client.decodes() {
            tally.bytes = times * self.length;
            return tally;
        }
        for _ in 0..times {
            for data in self.records.iter().filter_map(|it| it.data.as_deref()) {
                let (event_type, id) = ("", "");
                tally.add(Received::Event {
                    event_type,
                    data,
                    id,
                });
            }
        }
        tally
    }
}

/// The pieces, as a body of HTTP/1.1 has them.
fn chunks<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut chunks = Vec::new();
    for piece in pieces {
        chunks.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        chunks.extend(piece);
        chunks.extend(b"\r\n");
    }
    chunks
}

/// Answers whoever connects, each in a thread of its own, for as long as the process lives.
///
/// # Errors
///
/// If the listener fails.
pub fn serve(listener: &TcpListener) -> Result<()> {
    let streams = streams();
    thread::scope(|scope| {
        loop {
            let connection = listener.accept()?.0;
            // A client that leaves before the end is no fault.
            scope.spawn(|| answer(connection, &streams));
        }
    })
}

fn answer(mut connection: TcpStream, streams: &[Stream]) -> Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let request = lines.next().context("no request")??;
    // The rest of its head.
    while !lines.next().context("half a request")??.is_empty() {}
    let asked = asked(&request, streams);
    let (stream, times) = asked.with_context(|| format!("nothing is at {request:?}"))?;
    connection.write_all(HEAD)?;
    for _ in 0..times {
        connection.write_all(&stream.chunks)?;
    }
    Ok(connection.write_all(END)?)
}

/// What a line `GET /KEY/TIMES HTTP/1.1` asks for.
fn asked<'a>(request: &str, streams: &'a [Stream]) -> Option<(&'a Stream, u64)> {
    let path = request.strip_prefix("GET /")?.strip_suffix(" HTTP/1.1")?;
    let (key, times) = path.split_once('/')?;
    let stream = streams.iter().find(|it| it.key == key)?;
    Some((stream, number(times)?))
}
