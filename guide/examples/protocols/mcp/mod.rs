//! Model Context Protocol over Streamable HTTP.
//!
//! - [`session`]: revisions to 2025-11-25. A client initializes a session, and resumes its streams.
//! - [`stateless`]: revision 2026-07-28. Each request stands alone, and its stream cannot be resumed.
//! - [`stream`]: streams that can be resumed. Their events are in the hub.
//! - [`tools`]: tools of the server.

mod session;
mod stateless;
mod stream;
mod tools;

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use sse_hub::{Event, Hub, Topic};

/// Server of all sessions.
#[derive(Clone, Default)]
struct Server {
    /// Events of all streams. With a backend, a client can resume a stream on another node.
    hub: Hub,
    sessions: Arc<Mutex<session::Sessions>>,
}

impl Server {
    /// Returns the topic of the notifications for all clients.
    fn changes() -> Topic {
        Topic::new("mcp/changes").expect("a valid topic")
    }

    /// Tells all clients that the list of tools has changed.
    async fn publish_change(&self) {
        let message = notification("notifications/tools/list_changed", &json!({}));
        let event = Event::new(message.to_string());
        if let Err(error) = self.hub.publish((Self::changes(), event)).await {
            eprintln!("mcp: {error}");
        }
    }
}

pub(crate) fn router() -> Router {
    let methods = post(session::receive)
        .get(session::listen)
        .delete(session::end);
    Router::new()
        .route("/", methods)
        .layer(middleware::from_fn(local_only))
        .with_state(Server::default())
}

/// Refuses requests that a page of another site has sent, also one whose name has been rebound to this address.
async fn local_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if is_local(headers, header::HOST) && is_local(headers, header::ORIGIN) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

fn is_local(headers: &HeaderMap, name: header::HeaderName) -> bool {
    let Some(value) = headers.get(name) else {
        return true;
    };
    let uri = value
        .to_str()
        .ok()
        .and_then(|text| Uri::try_from(text).ok());
    let host = uri.as_ref().and_then(Uri::host);
    matches!(host, Some("127.0.0.1" | "localhost" | "[::1]"))
}

fn notification(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn response(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn failure(status: StatusCode, id: &Value, code: i32, message: &str) -> Response {
    let error = json!({ "code": code, "message": message });
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    (status, Json(body)).into_response()
}
