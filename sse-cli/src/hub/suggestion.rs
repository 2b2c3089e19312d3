//! Suggestion of the known name that an unknown one may stand for.

use core::ops::RangeInclusive;

/// Lengths in bytes of the unknown names that are compared with the known ones. A shorter one is similar to many.
const NAME_BYTES: RangeInclusive<usize> = 3..=64;

/// Minimum similarity of an unknown name to a suggested one, as in clap.
const MIN_LIKENESS: f64 = 0.7;

/// Returns the known name that is most similar to this one, or `None` if no name is similar.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if !NAME_BYTES.contains(&name.len()) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let likeness = |known: &str| strsim::jaro(&name, &known.to_ascii_lowercase());
    known
        .into_iter()
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}
