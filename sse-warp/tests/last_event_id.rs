//! Tests of the filters for the last event ID.

use sse_warp::EventId;
use warp::{Filter, http::HeaderValue, test::request};

fn shown(seen: Option<EventId>) -> String {
    seen.map_or_else(|| "none".to_owned(), |id| id.to_string())
}

/// Any status but 200 ends an `EventSource` for good, by the standard.
#[tokio::test]
async fn no_id_ends_the_client() {
    let in_header = warp::path("header")
        .and(sse_warp::last_event_id())
        .map(shown);
    let in_either = warp::path("either")
        .and(sse_warp::last_event_id_or_query("lastEventId"))
        .map(shown);
    let filters = in_header.or(in_either);
    let too_long = "7".repeat(1025);
    let send = async |path: &str, id: Option<&[u8]>| {
        let mut request = request().path(path);
        if let Some(id) = id {
            request = request.header("last-event-id", HeaderValue::from_bytes(id).unwrap());
        }
        let response = request.reply(&filters).await;
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status().as_u16(), body)
    };
    let answer = |text: &str| (200, text.to_owned());
    for path in ["/header", "/either", "/either?lastEventId=3"] {
        assert_eq!(send(path, Some("7€".as_bytes())).await, answer("7€"));
        for id in [&b"\xFF"[..], too_long.as_bytes()] {
            assert_eq!(send(path, Some(id)).await, answer("none"), "{path}, {id:?}");
        }
    }
    assert_eq!(send("/header", None).await, answer("none"));
    assert_eq!(send("/either?lastEventId=3", None).await, answer("3"));
    for query in ["a%0Ab", "%00", &too_long, ""] {
        let path = format!("/either?lastEventId={query}");
        assert_eq!(send(&path, None).await, answer("none"), "{query}");
    }
}
