//! Ways to split a stream into chunks. Each way must give the same events.

/// Chunks of a stream, in order.
pub type Chunks<'a> = Vec<&'a [u8]>;

/// Maximum length in bytes of a stream that is also split at each pair of positions.
const MAX_BYTES_FOR_PAIRS: usize = 48;
/// Maximum length in bytes of a stream that is split at each position.
const MAX_BYTES_FOR_SPLITS: usize = 4096;

/// Returns the stream in many different chunkings:
///
/// - as one chunk,
/// - in chunks of some fixed sizes from 1 byte to 4096 bytes,
/// - in chunks of these sizes with empty chunks before, between and after them,
/// - in two chunks, split at each position, if it has at most 4096 bytes,
/// - in three chunks, split at each pair of positions, if it has at most 48 bytes.
pub fn every_way(stream: &[u8]) -> impl Iterator<Item = Chunks<'_>> {
    let sizes = [1, 2, 3, 5, 64, 4096].into_iter();
    let pieces = sizes.map(move |size| stream.chunks(size).collect());
    let places = if stream.len() <= MAX_BYTES_FOR_SPLITS {
        stream.len()
    } else {
        0
    };
    let pair_places = if stream.len() <= MAX_BYTES_FOR_PAIRS {
        stream.len()
    } else {
        0
    };
    let twos = (0..=places).map(move |at| [&stream[..at], &stream[at..]].to_vec());
    let threes = (0..pair_places).flat_map(move |first| {
        (first..pair_places).map(move |second| {
            [&stream[..first], &stream[first..second], &stream[second..]].to_vec()
        })
    });
    core::iter::once(vec![stream])
        .chain(pieces.clone())
        .chain(pieces.map(|chunks| with_empty_chunks(&chunks)))
        .chain(twos)
        .chain(threes)
}

/// Splits the stream at the positions that `cuts` gives, for property tests.
///
/// Each cut is the length of the next chunk, modulo the length of the rest plus 1.
pub fn cut_at<'a>(mut stream: &'a [u8], cuts: &[usize]) -> Chunks<'a> {
    let mut chunks = Vec::with_capacity(cuts.len() + 1);
    for cut in cuts {
        let (chunk, rest) = stream.split_at(cut % (stream.len() + 1));
        chunks.push(chunk);
        stream = rest;
    }
    chunks.push(stream);
    chunks
}

/// Reads the input of a fuzz target as a stream and its chunks.
///
/// The first byte gives the number of cuts, at most 7. The next bytes are the cuts, one byte for the length of each
/// chunk. The rest is the stream.
pub fn from_fuzzer(input: &[u8]) -> (&[u8], Chunks<'_>) {
    let (count, input) = input.split_first().unwrap_or((&0, &[]));
    let (cuts, stream) = input.split_at(usize::from(count % 8).min(input.len()));
    let cuts: Vec<usize> = cuts.iter().copied().map(usize::from).collect();
    (stream, cut_at(stream, &cuts))
}

/// Adds an empty chunk before each chunk and after the last.
fn with_empty_chunks<'a>(chunks: &[&'a [u8]]) -> Chunks<'a> {
    let mut all: Chunks<'a> = chunks.iter().flat_map(|chunk| [&[][..], chunk]).collect();
    all.push(&[]);
    all
}
