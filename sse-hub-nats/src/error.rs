//! Conversion of `async_nats` errors into chains in which each error describes only its own level.

use std::error::Error;

use sse_hub::BackendError;

/// Converts an error and its causes, so that each error describes only its own level. The texts of `async_nats` errors
/// repeat the cause.
pub(crate) fn levels(error: &(dyn Error + 'static)) -> BackendError {
    let text = error.to_string();
    let Some(source) = error.source() else {
        return BackendError::new(text);
    };
    let cause = source.to_string();
    if text == cause {
        return levels(source);
    }
    let own = text
        .strip_suffix(&cause)
        .map(|own| own.trim_end_matches([':', ' ']));
    BackendError::new(own.unwrap_or(&text)).with_source(levels(source))
}

#[cfg(test)]
mod tests {
    use async_nats::{ConnectError, ConnectErrorKind};

    use super::*;

    #[test]
    fn no_level_repeats_the_next() {
        let inner = ConnectError::with_source(ConnectErrorKind::Tls, "not trusted");
        let error = levels(&ConnectError::with_source(ConnectErrorKind::Io, inner));
        let mut texts = vec![error.to_string()];
        let mut source = error.source();
        while let Some(error) = source {
            texts.push(error.to_string());
            source = error.source();
        }
        assert_eq!(texts, ["IO error", "TLS error", "not trusted"]);
    }
}
