//! `POST /break?client=…&fault=…`: a page breaks its own streams.

use std::time::Duration;

use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{HOST, ORIGIN},
};

use crate::{
    faults::{ClientId, Fault, Faults},
    query::parameter,
};

/// How long the server stays silent: longer than the page waits for a sign of life.
const SILENCE: Duration = Duration::from_secs(5);

/// How long the server is not available.
const OUTAGE: Duration = Duration::from_secs(6);

/// How long clients are asked to stop: until each of them has heard it.
const STOP: Duration = Duration::from_secs(60);

/// Does what is asked for, and says so. The error is why not, with its status.
pub(crate) fn control<B>(
    request: &Request<B>,
    faults: &Faults,
) -> Result<&'static str, (StatusCode, &'static str)> {
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "POST it"));
    }
    if !is_same_origin(request.headers()) {
        return Err((StatusCode::FORBIDDEN, "only the page itself may do that"));
    }
    let bad = |reason| (StatusCode::BAD_REQUEST, reason);
    let client = parameter(request, "client").and_then(|text| ClientId::new(&text));
    let client = client.ok_or(bad("client: 1 to 64 bytes"))?;
    let (fault, said) = match &*parameter(request, "fault").unwrap_or_default() {
        "cut" => (Fault::Cut, "The server cuts the next event in two."),
        "silence" => (Fault::Silence(SILENCE), "The server is silent for 5 s."),
        "503" => (
            Fault::Refusal(StatusCode::SERVICE_UNAVAILABLE, OUTAGE),
            "The server answers 503 for 6 s.",
        ),
        "204" => (
            Fault::Refusal(StatusCode::NO_CONTENT, STOP),
            "The server answers 204.",
        ),
        "none" => {
            faults.end_refusal(&client);
            return Ok("The server answers as ever.");
        }
        _ => return Err(bad("fault: cut, silence, 503, 204 or none")),
    };
    faults.inject(client, fault);
    Ok(said)
}

/// Whether the page that asks is ours, or what asks is no page at all: no browser leaves out both of
/// these headers.
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
