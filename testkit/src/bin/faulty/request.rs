//! Request of a client.

use std::{
    io::{self, BufRead, BufReader, Read},
    str::FromStr,
};

use serde_json::{Map, Value, json};

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    pub(crate) fn read(connection: impl Read) -> io::Result<Self> {
        let mut reader = BufReader::new(connection);
        let line = line(&mut reader)?;
        let mut words = line.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        };
        while let Some((name, value)) = self::line(&mut reader)?.split_once(':') {
            let header = (name.to_ascii_lowercase(), value.trim().to_owned());
            request.headers.push(header);
        }
        let length = request.header("content-length").and_then(number);
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        request.body = String::from_utf8_lossy(&body).into_owned();
        Ok(request)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query, percent-decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        let mut parameters = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let found = parameters.find(|(other, _)| *other == name);
        found.map(|(_, value)| decode(value))
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let bytes = self.parameter(name)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn json(&self) -> Value {
        let header = |(name, value): &(String, String)| (name.clone(), Value::from(&**value));
        json!({
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers.iter().map(header).collect::<Map<_, _>>(),
            "body": self.body,
        })
    }
}

/// Reads a line of a head as UTF-8, without its line end.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Decodes a value of a query: `%XX` is a byte, and `+` is a space.
fn decode(text: &str) -> Vec<u8> {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        bytes.extend(u8::from_str_radix(hex, 16));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// Parses a number. Returns `None` if the text is not a number.
#[expect(clippy::disallowed_methods, reason = "a leading sign does no harm")]
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}
