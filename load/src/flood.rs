//! A server that writes as fast as its clients read. It serves the streams of the codec's benchmarks, which are
//! encoded in advance, and repeats them.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use anyhow::{Context as _, Result};

use crate::{
    clients::{Client, Received},
    program::number,
    tally::Tally,
    workloads::{Record, Workload, workloads},
};

/// Keys of the served workloads of the benchmarks.
const WORKLOAD_KEYS: [&str; 3] = ["a", "b", "e"];

/// Key of the workload that is also served with one event in each chunk, as LLM APIs do.
const ONE_BY_ONE_KEY: &str = "a";

/// Size of an HTTP/1.1 chunk in bytes, as in the benchmarks.
const CHUNK_BYTES: usize = 16 * 1024;

const RESPONSE_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Last chunk of a body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Stream that the flood serves.
#[derive(Debug)]
pub struct Stream {
    /// Path of the stream.
    pub key: String,
    /// Title in the tables.
    pub title: String,
    /// Events of the stream.
    pub records: Vec<Record>,
    length: u64,
    chunks: Vec<u8>,
}

/// Returns all streams that the flood serves.
pub fn streams() -> Vec<Stream> {
    let mut workloads = workloads();
    workloads.retain(|workload| WORKLOAD_KEYS.contains(&workload.key));
    let large = workloads.iter().map(Stream::in_large_chunks);
    let one_by_one = workloads
        .iter()
        .filter(|workload| workload.key == ONE_BY_ONE_KEY);
    large.chain(one_by_one.map(Stream::one_by_one)).collect()
}

impl Stream {
    fn in_large_chunks(workload: &Workload) -> Self {
        Self {
            key: workload.key.into(),
            title: format!("{}: {}", workload.key, workload.title),
            records: workload.records.clone(),
            length: workload.stream.len() as u64,
            chunks: chunks(workload.stream.chunks(CHUNK_BYTES)),
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

    /// Returns the number of events.
    pub fn events(&self) -> u64 {
        self.records.len() as u64
    }

    /// Returns the URI of a response that repeats the stream `times` times.
    pub fn uri(&self, port: u16, times: u64) -> String {
        format!("http://127.0.0.1:{port}/{}/{times}", self.key)
    }

    /// Returns the expected tally of a client for that response.
    pub fn tally(&self, client: Client, times: u64) -> Tally {
        let mut tally = Tally::default();
        if !client.decodes() {
            tally.bytes = times * self.length;
            return tally;
        }
        for _ in 0..times {
            for data in self
                .records
                .iter()
                .filter_map(|record| record.data.as_deref())
            {
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

/// Encodes each piece as an HTTP/1.1 chunk.
fn chunks<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut chunks = Vec::new();
    for piece in pieces {
        chunks.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        chunks.extend(piece);
        chunks.extend(b"\r\n");
    }
    chunks
}

/// Serves each client in its own thread, as long as the process lives.
///
/// # Errors
///
/// Returns an error if the listener fails.
pub fn serve(listener: &TcpListener) -> Result<()> {
    let streams = streams();
    thread::scope(|scope| {
        loop {
            let connection = listener.accept()?.0;
            // It is not an error if a client disconnects before the end.
            scope.spawn(|| answer(connection, &streams));
        }
    })
}

fn answer(mut connection: TcpStream, streams: &[Stream]) -> Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let request = lines.next().context("no request")??;
    // The other lines of the head.
    while !lines.next().context("incomplete request")??.is_empty() {}
    let parsed = parse_request(&request, streams);
    let (stream, times) = parsed.with_context(|| format!("no stream for {request:?}"))?;
    connection.write_all(RESPONSE_HEAD)?;
    for _ in 0..times {
        connection.write_all(&stream.chunks)?;
    }
    Ok(connection.write_all(LAST_CHUNK)?)
}

/// Parses a line `GET /KEY/TIMES HTTP/1.1`, and returns the stream and the number of repetitions.
fn parse_request<'a>(request: &str, streams: &'a [Stream]) -> Option<(&'a Stream, u64)> {
    let path = request.strip_prefix("GET /")?.strip_suffix(" HTTP/1.1")?;
    let (key, times) = path.split_once('/')?;
    let stream = streams.iter().find(|stream| stream.key == key)?;
    Some((stream, number(times)?))
}
