//! Parameters of queries and forms, which must be UTF-8.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::RequestError;

/// Parses `application/x-www-form-urlencoded`.
///
/// # Errors
///
/// [`RequestError::Encoding`] if a name or a value is not UTF-8. The parser of the URL standard would replace the
/// invalid bytes.
pub(crate) fn parse(
    input: &[u8],
) -> Result<impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)>, RequestError> {
    // The delimiters are ASCII, so no character continues after one of them.
    let decoded = percent_decode(input).decode_utf8();
    decoded.map_err(|_| RequestError::Encoding)?;
    Ok(form_urlencoded::parse(input))
}
