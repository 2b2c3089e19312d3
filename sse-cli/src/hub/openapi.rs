//! `GET /openapi.json`: the description of all routes of this run, in
//! [OpenAPI 3.2](https://spec.openapis.org/oas/v3.2.0.html).
//!
//! Each route describes itself, next to its code. The paths and the methods are those of the [routes](super::routes).

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::hub::{
    event_input::{self, EVENT_SCHEMA},
    routes::Route,
    server::Server,
};

/// Description of a method of a path.
pub(crate) struct Operation {
    /// Name that is unique in the document.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) parameters: Vec<Value>,
    /// Content of the body, by its media type.
    pub(crate) request: Option<Value>,
    /// A body may be missing.
    pub(crate) is_request_optional: bool,
    /// Response with the status 200.
    pub(crate) response: Value,
    /// Statuses with which the request can be refused, in addition to [`COMMON_REFUSALS`].
    pub(crate) refusals: Vec<StatusCode>,
    /// Names of the security schemes. A request needs one of them.
    pub(crate) security: Vec<&'static str>,
    /// A request may come without a token.
    pub(crate) is_anonymous: bool,
}

impl Operation {
    /// Returns the description of a request without parameters, a body and a token.
    pub(crate) fn new(id: &'static str, summary: &'static str, response: Value) -> Self {
        Self {
            id,
            summary,
            parameters: Vec::new(),
            request: None,
            is_request_optional: false,
            response,
            refusals: Vec::new(),
            security: Vec::new(),
            is_anonymous: true,
        }
    }

    /// Requires one of these security schemes. Does nothing without any.
    pub(crate) fn with_security(self, schemes: impl IntoIterator<Item = &'static str>) -> Self {
        let security: Vec<_> = schemes.into_iter().collect();
        let mut refusals = self.refusals;
        if !security.is_empty() {
            refusals.push(StatusCode::UNAUTHORIZED);
        }
        Self {
            is_anonymous: security.is_empty(),
            security,
            refusals,
            ..self
        }
    }

    /// Adds statuses with which the request can be refused.
    pub(crate) fn with_refusals(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.refusals.extend(statuses);
        self
    }

    /// Returns the operation with the method `HEAD`, whose response has no content.
    fn into_head(mut self) -> Value {
        if let Some(response) = self.response.as_object_mut() {
            response.remove("content");
        }
        let id = format!("{}Head", self.id);
        let mut json = self.into_json();
        json["operationId"] = id.into();
        json
    }

    fn into_json(self) -> Value {
        let refusals = COMMON_REFUSALS.into_iter().chain(self.refusals);
        let refusals = refusals.map(|status| {
            let reference = format!("#/components/responses/{}", status.as_u16());
            (status.as_str().to_owned(), json!({ "$ref": reference }))
        });
        let mut responses: Map<_, _> = refusals.collect();
        responses.insert(StatusCode::OK.as_str().to_owned(), self.response);
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "responses": responses,
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some(content) = self.request {
            operation["requestBody"] =
                json!({ "required": !self.is_request_optional, "content": content });
        }
        if !self.security.is_empty() {
            let anonymous = self.is_anonymous.then(|| json!({}));
            let schemes = self.security.into_iter().map(|name| json!({ name: [] }));
            operation["security"] = anonymous.into_iter().chain(schemes).collect();
        }
        operation
    }
}

/// Description of a path with its methods.
pub(crate) struct PathItem {
    pub(crate) path: String,
    pub(crate) operations: Vec<(Method, Operation)>,
}

impl PathItem {
    /// Returns the description of a path with `GET` and `HEAD`.
    pub(crate) fn get(path: impl Into<String>, operation: impl Fn() -> Operation) -> Self {
        Self {
            path: path.into(),
            operations: vec![(Method::GET, operation()), (Method::HEAD, operation())],
        }
    }

    fn into_json(self) -> Value {
        let operations = self.operations.into_iter().map(|(method, operation)| {
            let name = method.as_str().to_ascii_lowercase();
            let operation = match method {
                Method::HEAD => operation.into_head(),
                _ => operation.into_json(),
            };
            (name, operation)
        });
        operations.collect()
    }
}

/// Security scheme of requests with a token in the header `Authorization`.
pub(crate) fn bearer(description: &str) -> Value {
    json!({ "type": "http", "scheme": "bearer", "description": description })
}

/// Returns a parameter of the query.
pub(crate) fn query_parameter(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

/// Returns a response with content of this media type.
pub(crate) fn response(description: &str, media_type: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { media_type: { "schema": schema } } })
}

/// Returns a response with an event stream, whose events have this schema.
pub(crate) fn event_stream(item_schema: Value) -> Value {
    json!({
        "description": "An event stream, which does not end until the hub shuts down",
        "content": { "text/event-stream": { "itemSchema": item_schema } },
    })
}

/// Returns the schema of an event. `event_type` and `data` are the schemas of its fields, and `required` are the names
/// of the fields that each event has.
pub(crate) fn event(event_type: Value, data: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": {
            "event": event_type,
            "data": data,
            "id": { "type": "string" },
            "retry": {
                "type": "integer",
                "minimum": 0,
                "description": "Reconnection time in milliseconds",
            },
        },
        "required": required,
    })
}

/// Statuses with which each request can be refused.
const COMMON_REFUSALS: [StatusCode; 3] = [
    StatusCode::BAD_REQUEST,
    StatusCode::MISDIRECTED_REQUEST,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];

/// Statuses of refusals, and what they mean.
const REFUSALS: [(StatusCode, &str); 13] = [
    (
        StatusCode::BAD_REQUEST,
        "The request is malformed, or a value in it is not valid",
    ),
    (
        StatusCode::UNAUTHORIZED,
        "The request has no token, or not the right one",
    ),
    (
        StatusCode::FORBIDDEN,
        "The client may not do this with this token",
    ),
    (StatusCode::NOT_FOUND, "There is no such subscription"),
    (
        StatusCode::REQUEST_TIMEOUT,
        "The body did not arrive in time",
    ),
    (
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body or the event is too large",
    ),
    (
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The media type, the charset or the encoding of the body is not supported",
    ),
    (
        StatusCode::MISDIRECTED_REQUEST,
        "The host is not served here",
    ),
    (
        StatusCode::TOO_MANY_REQUESTS,
        "The client has too many streams",
    ),
    (
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The head of the request is too large",
    ),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "The system has no random numbers",
    ),
    (
        StatusCode::BAD_GATEWAY,
        "The backend refuses to store the event",
    ),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "A limit of the hub is reached, or its backend is not connected",
    ),
];

/// Returns the document as JSON.
pub(crate) fn document(server: &Server) -> String {
    let mut paths = Map::new();
    let mut schemes = server.access.security_schemes();
    for route in Route::ALL {
        if route.is_served(server) {
            paths.insert(route.path().to_owned(), route.describe(server).into_json());
        }
    }
    if let Some(mercure) = &server.mercure {
        for item in mercure.describe() {
            paths.insert(item.path.clone(), item.into_json());
        }
        schemes = mercure.security_schemes();
        schemes.extend(server.access.metrics_scheme());
    }
    let mut document = json!({
        "openapi": "3.2.0",
        "info": {
            "title": "sse hub",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Sends each published event to all subscribers of its topics",
        },
        "paths": paths,
        "components": {
            "responses": refusals(),
            "securitySchemes": schemes.into_iter().collect::<Value>(),
        },
    });
    if Route::Publish.is_served(server) {
        document["components"]["schemas"] = json!({ EVENT_SCHEMA: event_input::json_schema() });
    }
    document.to_string()
}

/// Returns the responses to requests that are refused.
fn refusals() -> Value {
    let responses = REFUSALS.into_iter().map(|(status, description)| {
        let text = json!({ "type": "string" });
        let mut response = response(description, "text/plain", text);
        let header = match status {
            StatusCode::UNAUTHORIZED => Some(("WWW-Authenticate", "string")),
            StatusCode::SERVICE_UNAVAILABLE => Some(("Retry-After", "integer")),
            _ => None,
        };
        if let Some((name, kind)) = header {
            response["headers"] = json!({ name: { "required": true, "schema": { "type": kind } } });
        }
        (status.as_str().to_owned(), response)
    });
    responses.collect()
}
