//! The ways to cut a stream. Whatever the way, the same events must come out.

/// A stream in chunks, in order.
pub type Chunks<'a> = Vec<&'a [u8]>;

/// Up to this many bytes, a stream is also cut at each pair of places.
const PAIRS: usize = 48;
/// Up to this many bytes, a stream is cut at each place.
const SPLITS: usize = 4096;

/// Whole; in pieces of each of some sizes, one byte among them; the same with empty chunks before,
/// between and behind; in two at each place; in three at each pair of places if it is short.
pub fn every_way(stream: &[u8]) -> impl Iterator<Item = Chunks<'_>> {
    let sizes = [1, 2, 3, 5, 64, 4096].into_iter();
    let pieces = sizes.map(move |size| stream.chunks(size).collect());
    let places = if stream.len() <= SPLITS {
        stream.len()
    } else {
        0
    };
    let pair_places = if stream.len() <= PAIRS {
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

/// Cuts at places that `cuts` chooses, for property tests: each is taken modulo what is left.
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

/// Reads the input of a fuzz target as a stream and its cuts: a byte that says how many cuts there
/// are, seven at most, the cuts as distances of one byte each, and the stream.
pub fn from_fuzzer(input: &[u8]) -> (&[u8], Chunks<'_>) {
    let (count, input) = input.split_first().unwrap_or((&0, &[]));
    let (cuts, stream) = input.split_at(usize::from(count % 8).min(input.len()));
    let cuts: Vec<usize> = cuts.iter().copied().map(usize::from).collect();
    (stream, cut_at(stream, &cuts))
}

/// An empty chunk before each chunk, and one behind the last.
fn with_empty_chunks<'a>(chunks: &[&'a [u8]]) -> Chunks<'a> {
    let mut all: Chunks<'a> = chunks.iter().flat_map(|chunk| [&[][..], chunk]).collect();
    all.push(&[]);
    all
}
