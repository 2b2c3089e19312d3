//! URLs on the command line.

use http::Uri;
use url::Url;

/// Parses a URL as curl and browsers do. The default scheme is `http`. Spaces and characters beyond ASCII are encoded.
pub(crate) fn parse(text: &str) -> Result<Uri, String> {
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    };
    let mut url = url.map_err(|error| error.to_string())?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err("neither http nor https".to_owned());
    }
    url.set_fragment(None);
    Uri::try_from(url.as_str()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_what_people_type() {
        for (text, expected) in [
            ("localhost:8080/golden", "http://localhost:8080/golden"),
            ("127.0.0.1:1", "http://127.0.0.1:1/"),
            ("[::1]:1/x", "http://[::1]:1/x"),
            ("https://h/a b?c=d e#f", "https://h/a%20b?c=d%20e"),
            ("http://h/ä?€=\"", "http://h/%C3%A4?%E2%82%AC=%22"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("HTTP://H/", "http://h/"),
            ("http://h/a%20b", "http://h/a%20b"),
            ("http://u:p w@h/", "http://u:p%20w@h/"),
            ("http://h/{a}[b]|c", "http://h/%7Ba%7D[b]|c"),
        ] {
            assert_eq!(
                parse(text).map(|url| url.to_string()).as_deref(),
                Ok(expected)
            );
        }
        for text in [
            "",
            "ftp://h/",
            "http://",
            "http://h:x/",
            "http://h:65536/",
            "http://h h/",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
