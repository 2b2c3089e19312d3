//! Parser for the raw headers of a NATS message.
//!
//! A server accepts any bytes as headers. This parser reads them as the client of `async_nats` does. If the client
//! would fail, the parser reports this.

use async_nats::{HeaderMap, HeaderName, StatusCode};

/// Result that the client would have for some headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Headers {
    /// The client reads these headers. `None` if there are no bytes.
    Read(Option<HeaderMap>),
    /// The client takes the message for a status message of the server.
    Status,
    /// The client fails: it closes the connection, or it panics.
    Unreadable,
}

/// Parses headers.
pub(crate) fn read(bytes: &[u8]) -> Headers {
    if bytes.is_empty() {
        return Headers::Read(None);
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return Headers::Unreadable;
    };
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    read_lines(lines).unwrap_or(Headers::Unreadable)
}

fn read_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Headers> {
    let mut lines = lines.peekable();
    let status = lines.next()?.strip_prefix("NATS/1.0")?.trim();
    let code = status
        .split_once(' ')
        .map_or(status, |(code, _)| code.trim());
    let is_status = !code.is_empty();
    if is_status && StatusCode::from_bytes(code.as_bytes()).is_err() {
        return None;
    }
    let mut headers = HeaderMap::new();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::try_from(name).ok()?;
        let mut value = value.trim_start().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        value.truncate(value.trim_end().len());
        // The client panics here.
        if value.contains(['\r', '\n']) {
            return None;
        }
        headers.append(name, value);
    }
    Some(match is_status {
        true => Headers::Status,
        false => Headers::Read(Some(headers)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_can_read() {
        let map = |fields: &[(&str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.append(*name, *value);
            }
            Headers::Read(Some(map))
        };
        assert_eq!(read(b""), Headers::Read(None));
        for (bytes, fields) in [
            ("NATS/1.0\r\n\r\n", [].as_slice()),
            ("NATS/1.0 \n", &[]),
            ("NATS/1.0\r\nA: b\r\nC:\r\n\r\n", &[("A", "b"), ("C", "")]),
            ("NATS/1.0\nA:  b \r\nA:c", &[("A", "b"), ("A", "c")]),
            ("NATS/1.0\r\nA: b\r\n c\r\n\r\n", &[("A", "b c")]),
        ] {
            assert_eq!(read(bytes.as_bytes()), map(fields), "{bytes:?}");
        }
        for bytes in ["NATS/1.0 503\r\n\r\n", "NATS/1.0100 Idle Heartbeat\r\n"] {
            assert_eq!(read(bytes.as_bytes()), Headers::Status, "{bytes:?}");
        }
    }

    #[test]
    fn what_the_client_cannot_read() {
        for bad in [
            "\r\n",
            "NATS/1.0\r\nA: b\rc\r\n\r\n",
            "NATS/1.0\r\nno colon\r\n\r\n",
            "NATS/1.0\r\nA b: c\r\n\r\n",
            "NATS/1.0 x\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(read(bad.as_bytes()), Headers::Unreadable, "{bad:?}");
        }
        assert_eq!(read(b"NATS/1.0\r\nA: \xff\r\n\r\n"), Headers::Unreadable);
    }
}
