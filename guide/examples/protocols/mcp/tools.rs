//! Tools of the server. Except `count` and `add_tool`, they are those that MCP's conformance tests call.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};

use super::{Server, notification, session::Session};

/// Time between two messages of a tool.
const STEP: Duration = Duration::from_millis(50);

/// Names of the tools, each with its argument and the type of it.
const TOOLS: [(&str, Option<(&str, &str)>); 9] = [
    ("count", Some(("to", "integer"))),
    ("add_tool", None),
    ("test_simple_text", None),
    ("test_error_handling", None),
    ("test_tool_with_logging", None),
    ("test_tool_with_progress", None),
    ("test_reconnection", None),
    ("test_sampling", Some(("prompt", "string"))),
    ("test_elicitation", Some(("message", "string"))),
];

pub(super) fn list() -> Value {
    TOOLS
        .iter()
        .map(|(name, argument)| {
            let properties = argument.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind })));
            let schema = json!({ "type": "object", "properties": properties.collect::<serde_json::Map<_, _>>() });
            json!({ "name": name, "description": name, "inputSchema": schema })
        })
        .collect()
}

/// Output of a tool before its result.
pub(super) enum Output {
    Message(Value),
    /// Close the connection. The client comes back.
    CloseConnection,
}

/// Call of a tool.
pub(super) struct Call {
    pub(super) server: Server,
    /// Parameters of the request.
    pub(super) params: Value,
    pub(super) output: mpsc::Sender<Output>,
    /// Session of the client, if it has one. Only there, the server can send requests.
    pub(super) session: Option<Arc<Session>>,
}

impl Call {
    /// Runs the tool, and returns its result.
    pub(super) async fn run(self) -> Value {
        match self.params["name"].as_str().unwrap_or_default() {
            "count" => {
                let to = self.params["arguments"]["to"].as_u64().unwrap_or(3);
                for number in 1..=to {
                    self.progress(number, to).await;
                    sleep(STEP).await;
                }
                text(&format!("counted to {to}"))
            }
            "add_tool" => {
                self.server.publish_change().await;
                text("added")
            }
            "test_simple_text" => text("This is a simple text response for testing."),
            "test_tool_with_logging" => {
                for message in [
                    "Tool execution started",
                    "Tool processing data",
                    "Tool execution completed",
                ] {
                    self.log(json!(message)).await;
                    sleep(STEP).await;
                }
                text("logged")
            }
            "test_tool_with_progress" => {
                for progress in [0, 50, 100] {
                    self.progress(progress, 100).await;
                    sleep(STEP).await;
                }
                text("done")
            }
            "test_reconnection" => {
                self.log(json!("before the connection is closed")).await;
                self.send(Output::CloseConnection).await;
                sleep(STEP).await;
                self.log(json!("while the client is away")).await;
                text("the client came back")
            }
            "test_sampling" => {
                let prompt = json!({ "type": "text", "text": self.params["arguments"]["prompt"] });
                let params = json!({ "messages": [{ "role": "user", "content": prompt }], "maxTokens": 100 });
                self.request("sampling/createMessage", params).await
            }
            "test_elicitation" => {
                let string = json!({ "type": "string" });
                let schema = json!({
                    "type": "object",
                    "properties": { "username": string, "email": string },
                    "required": ["username", "email"],
                });
                let message = &self.params["arguments"]["message"];
                let params = json!({ "message": message, "requestedSchema": schema });
                self.request("elicitation/create", params).await
            }
            "test_error_handling" => failed("This tool intentionally returns an error for testing"),
            name => failed(&format!("there is no tool {name:?}")),
        }
    }

    async fn send(&self, output: Output) {
        // Without a receiver, the request is cancelled, and this call is about to be dropped.
        let _ = self.output.send(output).await;
    }

    async fn notify(&self, method: &str, params: &Value) {
        self.send(Output::Message(notification(method, params)))
            .await;
    }

    /// Logs to the client. Without a session, the client has to ask for it with the request.
    async fn log(&self, data: Value) {
        let level = &self.params["_meta"]["io.modelcontextprotocol/logLevel"];
        if self.session.is_some() || !level.is_null() {
            let params = json!({ "level": "info", "data": data });
            self.notify("notifications/message", &params).await;
        }
    }

    async fn progress(&self, progress: u64, total: u64) {
        let token = &self.params["_meta"]["progressToken"];
        if !token.is_null() {
            let params = json!({ "progressToken": token, "progress": progress, "total": total });
            self.notify("notifications/progress", &params).await;
        }
    }

    /// Sends a request to the client, and returns its response as the result of the tool.
    async fn request(&self, method: &str, params: Value) -> Value {
        let Some(session) = &self.session else {
            return failed("the server cannot send requests in this revision");
        };
        let (id, answer) = session.expect_answer();
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(Output::Message(request)).await;
        match answer.await {
            Ok(answer) => text(&format!("client: {answer}")),
            Err(_) => failed("the session has ended"),
        }
    }
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn failed(reason: &str) -> Value {
    let mut result = text(reason);
    result["isError"] = json!(true);
    result
}
