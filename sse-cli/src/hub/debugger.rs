//! `GET /debug`: a page that subscribes and publishes, for development. It is served with `--debugger` only.

use anyhow::{Context, Result};
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use serde::Serialize;
use serde_json::json;

use crate::hub::{
    mercure::Mercure,
    openapi::{self, Operation},
    response::{self, Body},
};

/// Page with places for the style, the script, the nonce, and the description of the hub.
const PAGE: &str = include_str!("debugger/page.html");

const STYLE: &str = include_str!("debugger/style.css");

const SCRIPT: &str = include_str!("debugger/script.js");

/// Description of the hub. The script of the page reads it, and leaves out what the hub does not have.
#[derive(Serialize)]
pub(crate) struct Description<'a> {
    /// Name of the protocol, and names of its optional parts.
    pub(crate) features: Vec<&'static str>,
    /// URL of a hub that speaks Mercure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<&'a str>,
    /// Name of the cookie with the access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cookie: Option<&'a str>,
}

/// Describes the page for `/openapi.json`.
pub(crate) fn describe() -> Operation {
    let page = openapi::response("The page", "text/html", json!({ "type": "string" }));
    Operation::new(
        "debugger",
        "Returns a page that subscribes and publishes",
        page,
    )
    .with_refusals([StatusCode::INTERNAL_SERVER_ERROR])
}

/// Returns the page for the protocol of the hub. It is complete without other resources.
pub(crate) fn respond(mercure: Option<&Mercure>) -> Response<Body> {
    let own = Description {
        features: vec!["events"],
        url: None,
        cookie: None,
    };
    page(&mercure.map_or(own, Mercure::description)).unwrap_or_else(|error| {
        tracing::warn!("cannot serve the debugger: {error:#}");
        response::error(StatusCode::INTERNAL_SERVER_ERROR, "no random numbers")
    })
}

fn page(hub: &Description<'_>) -> Result<Response<Body>> {
    let nonce = nonce()?;
    let hub = serde_json::to_string(hub)?;
    let page = PAGE
        .replace("{{style}}", STYLE)
        .replace("{{script}}", SCRIPT)
        .replace("{{nonce}}", &nonce)
        // Last, because it has texts of options. It is the value of an attribute in quotation marks.
        .replace("{{hub}}", &hub.replace('&', "&amp;").replace('"', "&quot;"));
    let mut response = response::text(StatusCode::OK, page);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::try_from(policy(&nonce))?,
    );
    let headers_of_all: [(HeaderName, &'static str); 4] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers_of_all {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Returns a policy that allows only the style and the script of the page, and requests to the hub.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// Returns a random text, which marks the style and the script of one response.
fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("no random numbers")?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
