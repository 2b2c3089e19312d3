//! Revision 2026-07-28: each request stands alone. A client cancels it by closing its stream, which cannot be resumed.

use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use sse_hyper::{Event, EventStreamRequest};
use tokio::sync::mpsc;

use super::{
    Server, failure, notification, response,
    session::REVISIONS,
    tools::{self, Call, Output},
};

const REVISION: &str = "2026-07-28";

/// JSON-RPC: "The method does not exist / is not available."
const METHOD_NOT_FOUND: i32 = -32601;
/// A header differs from the message.
const HEADER_MISMATCH: i32 = -32020;
/// The server does not support the revision.
const UNSUPPORTED_REVISION: i32 = -32022;

/// Returns whether the revision in the header has no sessions.
pub(super) fn is_stateless(headers: &HeaderMap) -> bool {
    // Revisions are dates. A client of an earlier one may send no header.
    headers
        .get("mcp-protocol-version")
        .is_some_and(|revision| revision.as_bytes() >= REVISION.as_bytes())
}

pub(super) fn receive(
    server: Server,
    sse: &EventStreamRequest,
    headers: &HeaderMap,
    message: Value,
) -> Response {
    let id = message["id"].clone();
    if id.is_null() {
        return StatusCode::ACCEPTED.into_response();
    }
    let method = message["method"].as_str().unwrap_or_default();
    let revision = &message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    for (name, value) in [
        ("mcp-protocol-version", revision),
        ("mcp-method", &message["method"]),
    ] {
        let header = headers.get(name).and_then(|header| header.to_str().ok());
        if header != value.as_str() {
            let reason = format!("header {name} is {header:?}, but the message has {value}");
            return failure(StatusCode::BAD_REQUEST, &id, HEADER_MISMATCH, &reason);
        }
    }
    if revision != REVISION {
        let data = json!({ "supported": [REVISION], "requested": revision });
        let error = json!({ "code": UNSUPPORTED_REVISION, "message": "unsupported revision", "data": data });
        let body = Json(json!({ "jsonrpc": "2.0", "id": id, "error": error }));
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    match method {
        "server/discover" => {
            let capabilities = json!({ "tools": { "listChanged": true }, "logging": {} });
            let revisions: Vec<_> = [REVISION].into_iter().chain(REVISIONS).collect();
            let result = json!({ "supportedVersions": revisions, "capabilities": capabilities });
            Json(response(&id, &complete(result))).into_response()
        }
        "tools/list" => {
            let result = complete(json!({ "tools": tools::list() }));
            Json(response(&id, &result)).into_response()
        }
        "tools/call" => call(server, sse, message),
        "subscriptions/listen" => listen(&server, sse, &message),
        _ => {
            let reason = format!("there is no method {method:?}");
            failure(StatusCode::NOT_FOUND, &id, METHOD_NOT_FOUND, &reason)
        }
    }
}

/// Adds what the results of this revision have in addition.
fn complete(mut result: Value) -> Value {
    result["resultType"] = json!("complete");
    result["ttlMs"] = json!(0);
    result["cacheScope"] = json!("private");
    let info = json!({ "name": "protocols", "version": env!("CARGO_PKG_VERSION") });
    result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": info });
    result
}

/// Calls a tool. The call runs in the stream, so it ends when the client closes the stream.
fn call(server: Server, sse: &EventStreamRequest, message: Value) -> Response {
    let (output, outputs) = mpsc::channel(1);
    let call = Call {
        server,
        params: message["params"].clone(),
        output,
        session: None,
    };
    let calls = stream::once(async move {
        let output = call.output.clone();
        let result = complete(call.run().await);
        // Without a receiver, the stream is closed.
        let _ = output
            .send(Output::Message(response(&message["id"], &result)))
            .await;
        None
    });
    let messages = stream::unfold(outputs, async |mut outputs| {
        Some((Some(outputs.recv().await?), outputs))
    });
    let events = stream::select(messages, calls).filter_map(async |output| match output? {
        Output::Message(message) => Some(Event::new(message.to_string())),
        // A client cannot resume.
        Output::CloseConnection => None,
    });
    sse.respond(Box::pin(events)).into_response()
}

/// Sends the notifications that the client asks for, until it closes the stream.
fn listen(server: &Server, sse: &EventStreamRequest, message: &Value) -> Response {
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": message["id"] });
    let wanted = message["params"]["notifications"]["toolsListChanged"] == true;
    let accepted = if wanted {
        json!({ "toolsListChanged": true })
    } else {
        json!({})
    };
    let events = match server.hub.subscription(Server::changes()).subscribe() {
        Ok(subscription) => subscription.events(),
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    };
    let acknowledged = notification(
        "notifications/subscriptions/acknowledged",
        &json!({ "notifications": accepted, "_meta": meta }),
    );
    let changed = notification(
        "notifications/tools/list_changed",
        &json!({ "_meta": meta }),
    );
    let changes = events.filter_map(move |_| {
        let event = wanted.then(|| Event::new(changed.to_string()));
        async move { event }
    });
    let first = stream::iter([Event::new(acknowledged.to_string())]);
    sse.respond(first.chain(Box::pin(changes))).into_response()
}
