//! Tests of reading the ID after which a client resumes.

use http::{HeaderMap, HeaderValue, Uri};
use sse_hyper::{InvalidLastEventId, last_event_id, last_event_id_in_query};

fn in_header(value: &[u8]) -> Result<Option<String>, InvalidLastEventId> {
    let mut headers = HeaderMap::new();
    headers.insert("last-event-id", HeaderValue::from_bytes(value).unwrap());
    last_event_id(&headers).map(|id| id.map(|id| id.to_string()))
}

fn in_query(query: &str) -> Result<Option<String>, InvalidLastEventId> {
    let uri = Uri::try_from(format!("http://localhost/events?{query}")).unwrap();
    last_event_id_in_query(&uri, "lastEventId").map(|id| id.map(|id| id.to_string()))
}

#[test]
fn the_header_is_utf_8() {
    assert_eq!(in_header(b"7"), Ok(Some("7".into())));
    assert_eq!(in_header("€豆腐".as_bytes()), Ok(Some("€豆腐".into())));
    assert_eq!(in_header(b""), Ok(None));
    assert_eq!(last_event_id(&HeaderMap::new()), Ok(None));
    let error = in_header(b"a\xFF").unwrap_err().to_string();
    assert!(error.starts_with("Last-Event-ID: "), "{error}");
    assert!(error.contains("index 1"), "{error}");
}

#[test]
fn its_length_is_bounded() {
    assert!(in_header(&[b'x'; 1024]).unwrap().is_some());
    let error = in_header(&[b'x'; 1025]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Last-Event-ID: 1025 bytes, limit is 1024"
    );
    assert!(in_query(&format!("lastEventId={}", "x".repeat(2000))).is_err());
}

#[test]
fn a_query_parameter_is_decoded_and_checked() {
    assert_eq!(
        in_query("a=b&lastEventId=7%E2%82%AC+x"),
        Ok(Some("7€ x".into()))
    );
    assert_eq!(in_query("lastEventId="), Ok(None));
    assert_eq!(in_query("lasteventid=7"), Ok(None));
    for (value, character) in [("a%0Ab", "LF"), ("%0d", "CR"), ("x%00", "NUL")] {
        let error = in_query(&format!("lastEventId={value}")).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("lastEventId: "), "{error}");
        assert!(error.contains(character), "{error}");
    }
}
