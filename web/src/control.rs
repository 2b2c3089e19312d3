//! `POST /break?client=…&fault=…`: a page injects faults into its own streams.

use std::time::Duration;

use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{HOST, ORIGIN},
};

use crate::{
    faults::{ClientId, Fault, Faults},
    query::parameter,
};

/// Time for which the server sends nothing. It is longer than the idle timeout of the page.
const SILENCE_TIME: Duration = Duration::from_secs(5);

/// Time for which the server responds with 503.
const OUTAGE_TIME: Duration = Duration::from_secs(6);

/// Time for which the server responds with 204, long enough for each client of the page.
const STOP_TIME: Duration = Duration::from_secs(60);

/// Injects the requested fault, and returns a message for the page, or a status and the error.
pub(crate) fn control<B>(
    request: &Request<B>,
    faults: &Faults,
) -> Result<&'static str, (StatusCode, &'static str)> {
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "use POST"));
    }
    if !is_same_origin(request.headers()) {
        return Err((
            StatusCode::FORBIDDEN,
            "only the page may inject faults into its streams",
        ));
    }
    let bad_request = |reason| (StatusCode::BAD_REQUEST, reason);
    let client = parameter(request, "client").and_then(|text| ClientId::new(&text));
    let client = client.ok_or(bad_request("client: 1 to 64 bytes"))?;
    let (fault, message) = match &*parameter(request, "fault").unwrap_or_default() {
        "cut" => (Fault::Cut, "The server cuts the next event in two."),
        "silence" => (
            Fault::Silence(SILENCE_TIME),
            "The server sends nothing for 5 s.",
        ),
        "503" => (
            Fault::Refusal(StatusCode::SERVICE_UNAVAILABLE, OUTAGE_TIME),
            "The server responds with 503 for 6 s.",
        ),
        "204" => (
            Fault::Refusal(StatusCode::NO_CONTENT, STOP_TIME),
            "The server responds with 204.",
        ),
        "none" => {
            faults.end_refusal(&client);
            return Ok("The server responds as usual.");
        }
        _ => return Err(bad_request("fault: cut, silence, 503, 204 or none")),
    };
    faults.inject(client, fault);
    Ok(message)
}

/// Returns whether the request comes from the demo page, or not from a browser.
///
/// Every browser sends at least one of these two headers.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("Sec-Fetch-Site"), text(ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(HOST.as_str())
        }
        (None, None) => true,
    }
}
