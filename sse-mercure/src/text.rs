//! Constraints on the characters of topics, matchers, IDs and types.

use core::{error::Error, fmt};

use icu_properties::{CodePointMapData, props::GeneralCategory};

/// Checks that a text has only characters that the protocol allows.
///
/// > Topic strings MUST be valid UTF-8 and MUST NOT contain C0 (U+0000–U+001F) or C1 (U+0080–U+009F) control
/// > characters, U+007F (DEL), or Unicode format characters (general category `Cf`), such as the bidirectional and
/// > zero-width controls, which are invisible and enable identifier spoofing.
pub(crate) fn check(text: &str) -> Result<(), InvalidText> {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_invisible = |character: char| match character {
        ' '..='~' => false,
        _ => character.is_control() || categories.get(character) == GeneralCategory::Format,
    };
    let mut characters = text.char_indices();
    match characters.find(|(_, character)| is_invisible(*character)) {
        Some((offset, character)) => Err(InvalidText { offset, character }),
        None => Ok(()),
    }
}

/// Error for a text with a control character or a format character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidText {
    /// Byte offset of the character.
    pub offset: usize,
    /// The character.
    pub character: char,
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, character } = self;
        let code = u32::from(*character);
        write!(f, "invisible character U+{code:04X} at byte {offset}")
    }
}

impl Error for InvalidText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_refused() {
        for character in [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1f}',
            '\u{7f}',
            '\u{80}',
            '\u{85}',
            '\u{9f}',
            '\u{ad}',
            '\u{600}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0001}',
            '\u{1d173}',
        ] {
            let error = check(&format!("é{character}")).unwrap_err();
            assert_eq!((error.offset, error.character), (2, character));
        }
        let error = check("a\u{202e}").unwrap_err();
        assert_eq!(error.to_string(), "invisible character U+202E at byte 1");
    }

    #[test]
    fn other_characters_are_allowed() {
        for text in [
            "",
            " ",
            "a~",
            "é豆腐😀",
            "\u{a0}",
            "\u{2028}",
            "*",
            "%00",
            "\u{fffd}",
        ] {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
    }
}
