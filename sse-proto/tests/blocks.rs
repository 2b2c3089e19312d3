//! Runs every case of `testdata/` through [`BlockDecoder`]: its blocks have the events of a client, however the stream
//! is split, and also what a client does not get.

use sse_proto::{Block, BlockDecoder, Chunk, DecodeError};
use testkit::{Item, Outcome, cases::decode_cases, chunks::every_way};

#[test]
fn the_blocks_of_every_case_have_its_events() {
    for case in decode_cases() {
        // A decoder of blocks has no option for this limit, and does not count comments.
        let mut lines = case.stream.split(|byte| matches!(byte, b'\r' | b'\n'));
        let has_comments = lines.any(|line| line.starts_with(b":"));
        if case.max_id_bytes.is_some() || (case.limit.is_some() && has_comments) {
            continue;
        }
        // A block has no comments, and only the last of several times.
        let mut outcome = case.outcome;
        let is_kept = |item: &Item| !matches!(item, Item::Comment(_) | Item::Retry(_));
        outcome.items.retain(is_kept);
        // The ID of a block that is too large comes with the next one, which these streams do not have.
        if matches!(outcome.items.last(), Some(Item::TooLarge(_))) {
            outcome.last_event_id.clear();
        }
        for chunks in every_way(&case.stream) {
            let mut decoded = decode(case.limit, &chunks);
            if matches!(decoded.items.last(), Some(Item::TooLarge(_))) {
                decoded.last_event_id.clear();
            }
            assert_eq!(decoded, outcome, "{}: {chunks:?}", case.name);
        }
    }
}

#[test]
fn a_block_has_what_was_sent() {
    let block = |event_type: &str, data: &str, id: &str, retry: u64| {
        let text = |text: &str| (text != "-").then(|| text.to_owned());
        (
            text(event_type),
            text(data),
            text(id),
            (retry > 0).then_some(retry),
        )
    };
    for (stream, expected) in [
        (
            "id: 1\n\ndata: a\n\n",
            vec![block("-", "-", "1", 0), block("-", "a", "-", 0)],
        ),
        ("id: 1\ndata:\n\n", vec![block("-", "", "1", 0)]),
        ("id\n\n", vec![block("-", "-", "", 0)]),
        ("event: e\n\n", vec![block("e", "-", "-", 0)]),
        ("event: e\nevent:\nid: 1\n\n", vec![block("-", "-", "1", 0)]),
        ("retry: 1\nretry: 2\n\n", vec![block("-", "-", "-", 2)]),
        (
            "data: a\nretry: 5\r\n\r\n\rdata: b\r\r",
            vec![block("-", "a", "-", 5), block("-", "b", "-", 0)],
        ),
        (
            "id: 1\nid: 2\ndata: a\ndata: b\nevent: e\n\n",
            vec![block("e", "a\nb", "2", 0)],
        ),
        ("id: 1\nid: \0\n\n", vec![block("-", "-", "1", 0)]),
        (
            "data: a\n\nretry: 3\n\ndata: b\n\n",
            vec![
                block("-", "a", "-", 0),
                block("-", "-", "-", 3),
                block("-", "b", "-", 0),
            ],
        ),
        (":\n\nnonsense\n\nretry: x\n\n\n\n", vec![]),
        ("id: 1\nretry: 4\nevent: e\n", vec![]),
    ] {
        for chunks in every_way(stream.as_bytes()) {
            let blocks: Vec<_> = blocks(&mut BlockDecoder::new(), &chunks)
                .into_iter()
                .map(|block| {
                    let block = block.unwrap();
                    let id = block.id.map(|id| id.as_str().to_owned());
                    let retry = block.retry.map(|time| time.as_millis() as u64);
                    (block.event_type, block.data, id, retry)
                })
                .collect();
            assert_eq!(blocks, expected, "{stream:?}: {chunks:?}");
        }
    }
}

#[test]
fn the_id_of_a_block_that_is_too_large_comes_with_the_next_block() {
    let stream = b"id: 1\ndata: 0123456789\n\nretry: 7\n\ndata: a\n\n";
    for chunks in every_way(stream) {
        let mut decoder = BlockDecoder::new().max_block_bytes(12);
        let blocks = blocks(&mut decoder, &chunks);
        let [Err(DecodeError::TooLarge { .. }), Ok(first), Ok(second)] = &blocks[..] else {
            panic!("{blocks:?}");
        };
        assert_eq!(first.id, Some(1.into()));
        assert_eq!((&second.id, second.data.as_deref()), (&None, Some("a")));
    }
}

#[test]
fn a_decoder_knows_whether_a_block_is_cut() {
    for (stream, is_inside) in [
        ("", false),
        ("data: a\n\n", false),
        ("data: a\n", true),
        ("id: 1\n", true),
        ("retry: 1\n", true),
        ("retry: 1\n\n", false),
        (": a", false),
    ] {
        for chunks in every_way(stream.as_bytes()) {
            let mut decoder = BlockDecoder::new();
            blocks(&mut decoder, &chunks);
            assert_eq!(
                decoder.is_inside_block(),
                is_inside,
                "{stream:?}: {chunks:?}"
            );
        }
    }
}

/// Returns the blocks and errors of a stream.
fn blocks(decoder: &mut BlockDecoder, chunks: &[&[u8]]) -> Vec<Result<Block, DecodeError>> {
    let mut blocks = Vec::new();
    for bytes in chunks {
        let mut chunk = Chunk::new(bytes);
        while let Some(block) = decoder.decode(&mut chunk).transpose() {
            blocks.push(block);
        }
    }
    blocks
}

/// Decodes a stream to what a client gets of it.
fn decode(limit: Option<usize>, chunks: &[&[u8]]) -> Outcome {
    let mut decoder = BlockDecoder::new();
    if let Some(limit) = limit {
        decoder = decoder.max_block_bytes(limit);
    }
    let mut outcome = Outcome::default();
    for block in blocks(&mut decoder, chunks) {
        match block {
            Ok(block) => {
                if let Some(id) = block.id {
                    outcome.last_event_id = id.as_str().to_owned();
                }
                if let Some(data) = block.data {
                    outcome.items.push(Item::Event {
                        event_type: block.event_type.unwrap_or("message".to_owned()),
                        data,
                        last_event_id: outcome.last_event_id.clone(),
                    });
                }
            }
            Err(DecodeError::TooLarge { offset, .. }) => outcome.items.push(Item::TooLarge(offset)),
            Err(DecodeError::IdTooLong { offset, .. }) => {
                outcome.items.push(Item::IdTooLong(offset))
            }
            Err(error) => panic!("{error}"),
        }
    }
    outcome
}
