//! Client of the Model Context Protocol over Streamable HTTP: calls a tool, and prints each message as soon as it
//! arrives. If the connection breaks, or the server closes it, the client resumes the stream.
//!
//! ```text
//! cargo run -p guide --example protocols
//! cargo run -p guide --example mcp_client -- --tool count --arguments '{"to": 3}' http://127.0.0.1:8080/mcp
//! cargo run -p guide --example mcp_client -- --stateless --tool count http://127.0.0.1:8080/mcp
//! ```
#![allow(clippy::print_stdout, reason = "output for the user")]

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Parser;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header::ACCEPT};
use serde_json::{Value, json};
use sse_source::{Builder, DisconnectReason, Error, EventSource, FailedAttempt, Item};

/// Latest revision with sessions.
const SESSION_REVISION: &str = "2025-11-25";
/// Revision without sessions.
const STATELESS_REVISION: &str = "2026-07-28";

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const REVISION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Calls a tool of a server.
#[derive(Debug, Parser)]
struct Arguments {
    /// Use the revision without sessions. A call that breaks is lost.
    #[arg(long)]
    stateless: bool,
    /// Name of the tool. Without it, the client prints the list of the tools.
    #[arg(long)]
    tool: Option<String>,
    /// Arguments of the tool, in JSON.
    #[arg(long, default_value = "{}", value_parser = |text: &str| serde_json::from_str::<Value>(text))]
    arguments: Value,
    /// URL of the server.
    url: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut client = match arguments.stateless {
        true => Client::stateless(arguments.url),
        false => Client::initialize(arguments.url).await?,
    };
    let result = match &arguments.tool {
        None => client.request("tools/list", json!({})).await?,
        Some(tool) => {
            let params = json!({ "name": tool, "arguments": arguments.arguments });
            client.request("tools/call", params).await?
        }
    };
    println!("{result}");
    client.close().await
}

struct Client {
    url: String,
    /// Headers of all requests: the revision, and the ID of the session.
    headers: HeaderMap,
    has_session: bool,
    next_id: u64,
}

impl Client {
    fn stateless(url: String) -> Self {
        let revision = HeaderValue::from_static(STATELESS_REVISION);
        Self {
            url,
            headers: [(REVISION, revision)].into_iter().collect(),
            has_session: false,
            next_id: 1,
        }
    }

    /// Starts a session.
    async fn initialize(url: String) -> Result<Self> {
        let mut client = Self {
            url,
            headers: HeaderMap::new(),
            has_session: true,
            next_id: 1,
        };
        let info = json!({ "name": "mcp_client", "version": env!("CARGO_PKG_VERSION") });
        let params =
            json!({ "protocolVersion": SESSION_REVISION, "capabilities": {}, "clientInfo": info });
        let result = client.request("initialize", params).await?;
        let revision = result["protocolVersion"].as_str().context("no revision")?;
        client
            .headers
            .insert(REVISION, HeaderValue::from_str(revision)?);
        client.notify("notifications/initialized").await?;
        Ok(client)
    }

    /// Ends the session. A server may refuse that.
    async fn close(self) -> Result<()> {
        if self.headers.contains_key(SESSION_ID) {
            self.send(Method::DELETE, &Value::Null).await?;
        }
        Ok(())
    }

    async fn notify(&self, method: &str) -> Result<()> {
        let message = json!({ "jsonrpc": "2.0", "method": method });
        let response = self.send(Method::POST, &message).await?;
        response.error_for_status()?;
        Ok(())
    }

    /// Sends a message that has no response in MCP.
    async fn send(&self, method: Method, message: &Value) -> Result<reqwest::Response> {
        let client = reqwest::Client::new();
        let request = client.request(method, &self.url);
        let request = request.headers(self.headers.clone());
        let request = request.header(ACCEPT, "application/json, text/event-stream");
        Ok(request.json(message).send().await?)
    }

    /// Sends a request, prints the messages before its response, and returns the result.
    async fn request(&mut self, method: &str, mut params: Value) -> Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        params["_meta"] = match self.has_session {
            true => json!({ "progressToken": id }),
            false => json!({
                "progressToken": id,
                "io.modelcontextprotocol/protocolVersion": STATELESS_REVISION,
                "io.modelcontextprotocol/clientCapabilities": {},
            }),
        };
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let mut builder = EventSource::request(Method::POST, &*self.url)
            .header(ACCEPT, "application/json, text/event-stream")
            .header("mcp-method", method)
            .header("mcp-name", name)
            .json(&request);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if self.has_session {
            builder = resumable(builder);
        }
        let mut stream = builder.build()?;
        while let Some(item) = stream.next().await {
            let message = match item {
                Ok(Item::Event(event)) => match event.data.is_empty() {
                    // It has only an ID, from which the client can resume.
                    true => continue,
                    false => event.json()?,
                },
                Ok(Item::Open(head)) => {
                    self.keep_session(&head.headers);
                    continue;
                }
                Ok(_) => continue,
                // The response may also be a single message.
                Err(Error::UnexpectedResponse(response)) if response.status == 200 => {
                    self.keep_session(&response.headers);
                    serde_json::from_slice(&response.body)?
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(result) = self.take(id, message).await? {
                return Ok(result);
            }
        }
        bail!("the server closed the stream without a response")
    }

    fn keep_session(&mut self, headers: &HeaderMap) {
        if let Some(id) = headers.get(SESSION_ID) {
            self.headers.insert(SESSION_ID, id.clone());
        }
    }

    /// Takes a message of the server. Returns the result if it is the response to the request with this ID.
    async fn take(&self, id: u64, message: Value) -> Result<Option<Value>> {
        if message["method"].is_null() && message["id"] == id {
            if !message["error"].is_null() {
                bail!("the server failed: {}", message["error"]);
            }
            return Ok(Some(message["result"].clone()));
        }
        println!("{message}");
        // This client has nothing that a server may ask for.
        if !message["id"].is_null() {
            let error = json!({ "code": -32601, "message": "method not found" });
            let response = json!({ "jsonrpc": "2.0", "id": message["id"], "error": error });
            self.send(Method::POST, &response).await?;
        }
        Ok(None)
    }
}

/// Turns each repetition of a POST into a GET of its stream, from the event after the last one.
fn resumable(builder: Builder) -> Builder {
    let is_sent = AtomicBool::new(false);
    let map = move |mut request: Request<Bytes>| {
        let is_repeated = is_sent.swap(true, Ordering::Relaxed);
        async move {
            if request.headers().contains_key(LAST_EVENT_ID) {
                *request.method_mut() = Method::GET;
                request.body_mut().clear();
            } else if is_repeated {
                // To send the call again would call the tool again.
                return Err("the connection broke before an event had an ID".into());
            }
            Ok(request)
        }
    };
    let policy = |failed: &FailedAttempt<'_>| {
        failed.is_retried_by_default && !matches!(failed.reason, DisconnectReason::Preparation)
    };
    builder.resend(true).map_request(map).retry_policy(policy)
}
