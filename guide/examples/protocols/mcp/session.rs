//! Sessions of the revisions to 2025-11-25: a client initializes a session, and resumes its streams.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sse_hub::{EventId, Topic};
use sse_hyper::EventStreamRequest;
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use super::{
    Server, failure, response, stateless,
    stream::{MessageStream, split_id},
    tools::{self, Call, Output},
};

/// Revisions, the latest first.
pub(super) const REVISIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Header with the ID of the session.
const SESSION_ID: &str = "mcp-session-id";

/// Maximum number of sessions.
const MAX_SESSIONS: usize = 1000;

/// Name of the stream of a session that belongs to no request.
const CHANGES: &str = "changes";

/// JSON-RPC: "The method does not exist / is not available."
const METHOD_NOT_FOUND: i32 = -32601;

pub(super) type Sessions = HashMap<String, Arc<Session>>;

pub(super) struct Session {
    id: String,
    revision: &'static str,
    next: AtomicU64,
    state: Mutex<Requests>,
}

/// Requests that have no response yet.
#[derive(Default)]
struct Requests {
    /// Requests to the client.
    expected: HashMap<u64, oneshot::Sender<Value>>,
    /// Calls of tools by the ID of their request, as JSON.
    running: HashMap<String, AbortHandle>,
}

impl Session {
    fn new(revision: &'static str) -> Self {
        Self {
            // Every client that knows the ID may use the session.
            id: format!("{:032x}", fastrand::u128(..)),
            revision,
            next: AtomicU64::new(1),
            state: Mutex::default(),
        }
    }

    /// Creates the ID of a request to the client. Its response arrives at the receiver.
    pub(super) fn expect_answer(&self) -> (u64, oneshot::Receiver<Value>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.requests(|requests| requests.expected.insert(id, sender));
        (id, receiver)
    }

    fn requests<T>(&self, change: impl FnOnce(&mut Requests) -> T) -> T {
        change(&mut self.state.lock().expect("no panic with the lock"))
    }

    /// Returns the stream with this name.
    fn stream(&self, server: &Server, name: &str) -> MessageStream {
        let topic = match name {
            CHANGES => Server::changes(),
            // A name with other characters is not of this server, and its topic has no events.
            _ => {
                Topic::from_segments(["mcp", &self.id, name]).unwrap_or_else(|_| Server::changes())
            }
        };
        MessageStream::new(server.hub.clone(), topic, name.to_owned())
    }
}

impl Server {
    fn session(&self, headers: &HeaderMap) -> Result<Arc<Session>, StatusCode> {
        let id = headers.get(SESSION_ID).ok_or(StatusCode::BAD_REQUEST)?;
        let id = id.to_str().map_err(|_| StatusCode::NOT_FOUND)?;
        let sessions = self.sessions.lock().expect("no panic with the lock");
        sessions.get(id).cloned().ok_or(StatusCode::NOT_FOUND)
    }
}

/// Receives a message of the client: a request, a notification, or the response to a request of the server.
pub(super) async fn receive(
    State(server): State<Server>,
    sse: EventStreamRequest,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    if stateless::is_stateless(&headers) {
        return stateless::receive(server, &sse, &headers, message);
    }
    if message["method"] == "initialize" {
        return initialize(&server, &message);
    }
    let session = match server.session(&headers) {
        Ok(session) => session,
        Err(status) => return status.into_response(),
    };
    let id = &message["id"];
    let Some(method) = message["method"].as_str() else {
        let id = id.as_u64().unwrap_or_default();
        if let Some(expected) = session.requests(|requests| requests.expected.remove(&id)) {
            // The call may have been cancelled.
            let _ = expected.send(message["result"].clone());
        }
        return StatusCode::ACCEPTED.into_response();
    };
    match method {
        "notifications/cancelled" => {
            let id = message["params"]["requestId"].to_string();
            if let Some(call) = session.requests(|requests| requests.running.remove(&id)) {
                call.abort();
            }
            StatusCode::ACCEPTED.into_response()
        }
        _ if id.is_null() => StatusCode::ACCEPTED.into_response(),
        "ping" | "logging/setLevel" => Json(response(id, &json!({}))).into_response(),
        "tools/list" => Json(response(id, &json!({ "tools": tools::list() }))).into_response(),
        "tools/call" => call(server, session, &sse, message).await,
        _ => failure(
            StatusCode::OK,
            id,
            METHOD_NOT_FOUND,
            &format!("there is no method {method:?}"),
        ),
    }
}

fn initialize(server: &Server, message: &Value) -> Response {
    let requested = &message["params"]["protocolVersion"];
    let revision = REVISIONS.into_iter().find(|revision| requested == revision);
    let session = Session::new(revision.unwrap_or(REVISIONS[0]));
    let result = json!({
        "protocolVersion": session.revision,
        "capabilities": { "tools": { "listChanged": true }, "logging": {} },
        "serverInfo": { "name": "protocols", "version": env!("CARGO_PKG_VERSION") },
    });
    let id = session.id.clone();
    let mut sessions = server.sessions.lock().expect("no panic with the lock");
    if sessions.len() >= MAX_SESSIONS {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    sessions.insert(id.clone(), Arc::new(session));
    ([(SESSION_ID, id)], Json(response(&message["id"], &result))).into_response()
}

/// Calls a tool. The response is a stream, which the client can resume.
async fn call(
    server: Server,
    session: Arc<Session>,
    sse: &EventStreamRequest,
    message: Value,
) -> Response {
    let name = session.next.fetch_add(1, Ordering::Relaxed).to_string();
    let stream = session.stream(&server, &name);
    // Clients of earlier revisions take an empty message for an error.
    let can_poll = session.revision == REVISIONS[0];
    if can_poll {
        stream.prime().await;
    }
    let id = message["id"].clone();
    let (output, mut outputs) = mpsc::channel(1);
    let call = Call {
        server,
        params: message["params"].clone(),
        output,
        session: Some(Arc::clone(&session)),
    };
    let messages = stream.clone();
    let forward = async move {
        while let Some(output) = outputs.recv().await {
            match output {
                Output::Message(message) => messages.send(&message).await,
                Output::CloseConnection if can_poll => messages.close_connection().await,
                Output::CloseConnection => {}
            }
        }
        messages
    };
    let key = id.to_string();
    let running = {
        let (session, key) = (Arc::clone(&session), key.clone());
        tokio::spawn(async move {
            let (result, messages) = tokio::join!(call.run(), forward);
            messages.finish(&response(&id, &result)).await;
            session.requests(|requests| requests.running.remove(&key));
        })
    };
    session.requests(|requests| {
        // A call that has ended already is not added. It would stay.
        if !running.is_finished() {
            requests.running.insert(key, running.abort_handle());
        }
    });
    match stream.events(None) {
        Ok(events) => sse.respond(events).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// Resumes a stream, or opens the one that belongs to no request.
pub(super) async fn listen(
    State(server): State<Server>,
    sse: EventStreamRequest,
    headers: HeaderMap,
) -> Response {
    let session = match server.session(&headers) {
        Ok(session) => session,
        Err(status) => return status.into_response(),
    };
    let last_event_id = sse.last_event_id::<EventId>();
    let (name, seen) = match last_event_id.as_ref().and_then(split_id) {
        Some((name, id)) => (name, Some(id)),
        None => (CHANGES, server.hub.latest_id()),
    };
    match session.stream(&server, name).events(seen.as_ref()) {
        Ok(events) => sse.respond(events).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// Ends a session.
pub(super) async fn end(State(server): State<Server>, headers: HeaderMap) -> StatusCode {
    let session = match server.session(&headers) {
        Ok(session) => session,
        Err(status) => return status,
    };
    let mut sessions = server.sessions.lock().expect("no panic with the lock");
    sessions.remove(&session.id);
    for call in session
        .requests(|requests| std::mem::take(&mut requests.running))
        .into_values()
    {
        call.abort();
    }
    StatusCode::NO_CONTENT
}
