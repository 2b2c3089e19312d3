//! Small responses that decode to large ones: limits of their memory and of their time per poll.
#![cfg(feature = "compression")]

mod support;

use std::{
    env, fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    thread,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use futures_util::StreamExt;
use sse_source::{DisconnectReason, EventSource, Item, Transport};
use support::soon;
use testkit::poll_time::{assert_yields, undisturbed};

const MIB: usize = 1 << 20;

/// Environment variable that makes a process of this test receive the bomb with this name.
const BOMB: &str = "COMPRESSION_BOMB";

/// Maximum memory of the client in MiB while it receives a bomb: the windows of two codings, and buffers.
const MAX_MIB: usize = 64;

/// Response, and the reason why its connection ends.
struct Bomb {
    coding: &'static str,
    body: Vec<u8>,
    reason: DisconnectReason,
}

fn bomb(name: &str) -> Bomb {
    let (coding, body, reason) = match name {
        "brotli, large window" => ("br", brotli(Some(30), 64), DisconnectReason::NetworkError),
        "brotli, run-length" => ("br", brotli(None, 4), DisconnectReason::EndOfStream),
        "zstd, large window" => ("zstd", zstd(27, 1100), DisconnectReason::NetworkError),
        "zstd, run-length" => ("zstd", zstd(23, 1024), DisconnectReason::EndOfStream),
        "zstd, empty frames" => (
            "zstd",
            zstd(10, 0).repeat(50_000),
            DisconnectReason::EndOfStream,
        ),
        "gzip, run-length" => (
            "gzip",
            gzip(&vec![b'y'; 32 * MIB]),
            DisconnectReason::EndOfStream,
        ),
        "brotli, empty streams" => (
            "br",
            brotli(None, 0).repeat(50_000),
            DisconnectReason::EndOfStream,
        ),
        "gzip, empty members" => (
            "gzip",
            gzip(b"").repeat(50_000),
            DisconnectReason::EndOfStream,
        ),
        "gzip in gzip" => {
            let inner = gzip(&vec![b'y'; MIB]).repeat(32);
            ("gzip, gzip", gzip(&inner), DisconnectReason::EndOfStream)
        }
        "brotli in zstd" => {
            let inner = brotli(None, 2);
            ("br, zstd", zstd_raw(&inner), DisconnectReason::EndOfStream)
        }
        _ => unreachable!("{name}"),
    };
    Bomb {
        coding,
        body,
        reason,
    }
}

const NAMES: [&str; 10] = [
    "brotli, large window",
    "brotli, run-length",
    "zstd, large window",
    "zstd, run-length",
    "zstd, empty frames",
    "gzip, run-length",
    "brotli, empty streams",
    "gzip, empty members",
    "gzip in gzip",
    "brotli in zstd",
];

#[test]
fn a_bomb_holds_little_memory() {
    undisturbed(|| {
        if let Ok(name) = env::var(BOMB) {
            let before = memory("VmRSS:");
            receive(&name);
            eprintln!("grew by {} MiB", memory("VmHWM:").saturating_sub(before));
            return;
        }
        for name in NAMES {
            let child = Command::new(env::current_exe().unwrap())
                .args(["--exact", "a_bomb_holds_little_memory", "--nocapture"])
                .env(BOMB, name)
                .output()
                .unwrap();
            let output = String::from_utf8_lossy(&child.stderr);
            assert!(child.status.success(), "{name}: {child:?}");
            let (_, rest) = output.split_once("grew by ").expect("a figure");
            let grown = support::number(rest.split_once(" MiB").unwrap().0).unwrap();
            assert!(grown <= MAX_MIB, "{name}: {grown} MiB");
        }
    });
}

#[test]
fn a_bomb_lets_its_neighbours_run() {
    undisturbed(|| {
        for name in NAMES {
            receive(name);
        }
    });
}

/// Runs a client that reads the bomb to its end.
fn receive(name: &str) {
    let Bomb {
        coding,
        body,
        reason,
    } = bomb(name);
    let url = serve(coding, body);
    // The first transport reads the root certificates of the system, which is slow.
    let transport = Transport::new();
    assert_yields(name, async move {
        let config = soon().max_event_bytes(1024);
        let mut source = EventSource::get(url)
            .config(config)
            .transport(transport)
            .build()
            .unwrap();
        loop {
            match source.next().await {
                Some(Ok(Item::Disconnected(disconnected))) => {
                    assert_eq!(disconnected.reason, reason, "{name}: {disconnected}");
                    return;
                }
                Some(Ok(_)) => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    });
}

/// Starts a server, in its own thread, that answers one request. Returns its URL.
fn serve(coding: &'static str, body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let _ = connection.read(&mut [0; 4096]);
        let headers = format!("Content-Type: text/event-stream\r\nContent-Encoding: {coding}\r\n");
        let _ = connection.write_all(&support::respond("200 OK", &headers, body));
        // The connection stays open for a while. Otherwise a reset could discard bytes that the client has not read.
        let _ = connection.shutdown(std::net::Shutdown::Write);
        thread::sleep(Duration::from_secs(1));
    });
    url
}

/// Returns this value of the process status in MiB.
fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let (_, rest) = status.split_once(name).unwrap();
    let kib = rest.split_once("kB").unwrap().0.trim();
    support::number(kib).unwrap() / 1024
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns a frame of blocks that each repeat a byte for 128 KiB.
fn zstd(window_log: u8, blocks: usize) -> Vec<u8> {
    let mut frame = zstd_head(window_log);
    for _ in 0..blocks {
        frame.extend(zstd_block(1, 128 * 1024, false));
        frame.push(b'y');
    }
    frame.extend(zstd_block(0, 0, true));
    frame
}

/// Returns a frame that has these bytes without compression.
fn zstd_raw(bytes: &[u8]) -> Vec<u8> {
    let mut frame = zstd_head(20);
    frame.extend(zstd_block(0, bytes.len(), true));
    frame.extend(bytes);
    frame
}

/// Returns the header of a frame ([RFC 8878, 3.1.1.1](https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1)).
fn zstd_head(window_log: u8) -> Vec<u8> {
    vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3]
}

/// Returns the header of a block ([RFC 8878, 3.1.1.2](https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2)).
fn zstd_block(kind: u32, size: usize, is_last: bool) -> [u8; 3] {
    let header = u32::from(is_last) | kind << 1 | u32::try_from(size).unwrap() << 3;
    let [first, second, third, _] = header.to_le_bytes();
    [first, second, third]
}

/// Returns a stream of meta-blocks that each repeat a byte for 16 MiB
/// ([RFC 7932, 9](https://www.rfc-editor.org/rfc/rfc7932#section-9)). Its window has 2^24 bytes, or it uses the
/// extension for larger windows.
fn brotli(large_window_log: Option<u64>, blocks: usize) -> Vec<u8> {
    const LENGTH: u64 = 1 << 24;
    let mut bits = Bits::default();
    let distance_bits = match large_window_log {
        Some(log) => {
            bits.push(0x11, 8);
            bits.push(log, 6);
            8
        }
        None => {
            bits.push(0b1111, 4);
            6
        }
    };
    for _ in 0..blocks {
        bits.push(0, 1); // Not the last one,
        bits.push(2, 2); // its length in six nibbles,
        bits.push(LENGTH - 1, 24);
        bits.push(0, 1); // compressed,
        bits.push(0, 3); // one type of block each for literals, commands and distances,
        bits.push(0, 6); // no direct distance codes,
        bits.push(0, 2); // context mode,
        bits.push(0, 2); // one tree each.
        for (symbol, length) in [(u64::from(b'y'), 8), (399, 10), (16, distance_bits)] {
            bits.push(1, 2); // A simple prefix code
            bits.push(0, 2); // of one symbol.
            bits.push(symbol, length);
        }
        bits.push(LENGTH - 1 - 2118, 24); // After one literal, copies the rest
        bits.push(0, 1); // from a distance of 1.
    }
    bits.push(0b11, 2); // The last one, empty.
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, value: u64, count: usize) {
        for place in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> place & 1) as u8;
            *self.bytes.last_mut().unwrap() |= bit << (self.count % 8);
            self.count += 1;
        }
    }
}
