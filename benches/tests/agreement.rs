//! Checks that all contenders decode and encode the events of the workloads correctly.

use benches::{
    encoders,
    feed::{Chunking, Feed},
    ours, peers,
    tally::{Tally, expected},
    workloads::workloads,
};

/// Size of a feed, in bytes: large enough for a few events of each workload, and small enough for peers that are
/// not linear.
const FEED_BYTES: usize = 80 * 1024;

/// Peers that report an error where the standard requires U+FFFD.
const REFUSE_FAULTS: [&str; 6] = [
    "sse-stream",
    "eventsrc",
    "sseer",
    "eventsource-stream",
    "sse-codec",
    "russe",
];

#[test]
fn ours_is_right_in_all_chunks() {
    for workload in workloads() {
        for chunking in Chunking::ALL {
            let feed = Feed::start(&workload, chunking, FEED_BYTES);
            let place = format!("{} in chunks: {}", workload.key, chunking.name());
            for ours in ours::ALL {
                let tally = (ours.decode)(&feed);
                assert_eq!(tally, feed.expected, "{}, {place}", ours.name);
            }
        }
    }
}

#[test]
fn peers_are_right() {
    for workload in workloads() {
        let feed = Feed::start(&workload, Chunking::Whole, FEED_BYTES);
        for peer in peers::ALL {
            if workload.key == "h" && REFUSE_FAULTS.contains(&peer.name) {
                continue;
            }
            let tally = (peer.decode)(&feed);
            assert_eq!(tally, feed.expected, "{} with {}", peer.name, workload.key);
        }
    }
}

#[test]
fn encoders_are_right() {
    for workload in workloads() {
        let mut records = workload.records.clone();
        records.truncate(100);
        for contender in encoders::ALL {
            if !benches::encode::takes(&workload) {
                continue;
            }
            let mut encoder = (contender.new)(&records);
            for _ in 0..2 {
                let mut stream = Vec::new();
                encoder.prepare();
                encoder.run(&mut |bytes| stream.extend_from_slice(bytes));
                let place = format!("{} with {}", contender.name, workload.key);
                assert_eq!(decode(&stream), expected(&records), "{place}");
            }
        }
    }
}

/// Decodes a stream with a decoder of another crate.
fn decode(stream: &[u8]) -> Tally {
    let mut tally = Tally::default();
    let mut parser = sse_parse::SseParser::new();
    parser.feed(stream);
    while let Some(event) = parser.next_event() {
        tally.event(event.data.as_bytes());
    }
    tally
}
