//! Error for values that cannot be encoded.

use core::{error::Error, fmt};

/// Error for text that is not valid in its field, because a client would read something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidValue {
    what: &'static str,
    character: char,
    offset: usize,
}

impl InvalidValue {
    /// Returns the invalid character: CR, LF or NUL.
    pub fn character(&self) -> char {
        self.character
    }

    /// Returns the position of the character, in bytes from the start of the text.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, consequence) = match self.character {
            '\r' => ("CR", "would end the field"),
            '\n' => ("LF", "would end the field"),
            _ => ("NUL", "would make readers ignore the field"),
        };
        write!(
            f,
            "{}: {name} at byte {} {consequence}",
            self.what, self.offset
        )
    }
}

impl Error for InvalidValue {}

pub(crate) fn check(
    what: &'static str,
    text: &str,
    forbidden: &[char],
) -> Result<(), InvalidValue> {
    match text.char_indices().find(|(_, c)| forbidden.contains(c)) {
        None => Ok(()),
        Some((offset, character)) => Err(InvalidValue {
            what,
            character,
            offset,
        }),
    }
}
