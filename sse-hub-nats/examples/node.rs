//! Node of a cluster that shares its events over NATS:
//!
//! ```text
//! nats-server -js
//! cargo run --example node -- --listen 127.0.0.1:8081 --publish-token secret
//! cargo run --example node -- --listen 127.0.0.1:8082 --publish-token secret
//!
//! curl -N 127.0.0.1:8081/events?topic=news
//! curl -H 'authorization: Bearer secret' -d '{"topics":["news"],"data":"hi"}' 127.0.0.1:8082/publish
//! ```

use std::{error::Error, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::Response,
    routing::{get, post},
};
use clap::Parser;
use serde_json::{Value, json};
use sse_hub::{Event, EventType, Hub, HubConfig, Publication, Retention, TopicFilters, Topics};
use sse_hub_nats::JetStream;
use sse_hyper::StreamTracker;
use tokio::net::TcpListener;

/// Serves the events that any node publishes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address of this node.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of NATS.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    nats: String,
    /// Name of the stream in NATS.
    #[arg(long, default_value = "sse")]
    nats_stream: String,
    /// Token that publishers must send as `Authorization: Bearer TOKEN`.
    #[arg(long)]
    publish_token: String,
    /// Maximum number of events in memory, for clients that reconnect.
    #[arg(long, default_value_t = Retention::default().events)]
    keep_events: usize,
}

#[derive(Clone)]
struct Node {
    hub: Hub,
    streams: StreamTracker,
    authorization: Arc<str>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let stream = sse_hub_nats::NatsConfig::new().stream(arguments.nats_stream);
    let nats = Arc::new(JetStream::new(arguments.nats, stream)?);
    let mut retention = Retention::default();
    retention.events = arguments.keep_events;
    let config = HubConfig::new().retention(retention);
    let (hub, follow) = Hub::with_backend(config, nats);
    tokio::spawn(follow);
    let node = Node {
        hub,
        streams: StreamTracker::default(),
        authorization: format!("Bearer {}", arguments.publish_token).into(),
    };
    let router = Router::new()
        .route("/events", get(events))
        .route("/publish", post(publish))
        .route("/healthz", get(healthz))
        .with_state(node);
    let listener = TcpListener::bind(arguments.listen).await?;
    eprintln!("http://{}/events", arguments.listen);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn events(State(node): State<Node>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let query = form_urlencoded::parse(query.as_bytes());
    // Clients choose patterns here, so every client may receive all events.
    let topics = query
        .filter(|(name, _)| name == "topic")
        .map(|(_, value)| value);
    let filters = match TopicFilters::from_patterns(topics) {
        Ok(filters) => filters,
        Err(error) => return text(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let last_event_id = match sse_hyper::last_event_id(request.headers()) {
        Ok(id) => id,
        Err(error) => return text(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match node.hub.subscribe(filters, last_event_id.as_ref()) {
        Ok(subscription) => node.streams.respond(&request, subscription).map(Body::new),
        Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

async fn publish(State(node): State<Node>, headers: HeaderMap, body: Bytes) -> Response {
    // Compare in constant time if untrusted clients can reach this server.
    if headers.get(AUTHORIZATION).map(|value| value.as_bytes())
        != Some(node.authorization.as_bytes())
    {
        return text(
            StatusCode::UNAUTHORIZED,
            "the publish token is required".to_owned(),
        );
    }
    let publication = match parse_publication(&body) {
        Ok(publication) => publication,
        Err(error) => return text(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match node.hub.publish(publication).await {
        Ok(id) => text(StatusCode::OK, json!({"id": id.as_str()}).to_string()),
        Err(error) => text(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

fn parse_publication(body: &[u8]) -> Result<Publication, Box<dyn Error>> {
    let body: Value = serde_json::from_slice(body)?;
    let topics = body["topics"].as_array().ok_or("topics is not an array")?;
    let topics = Topics::new(
        topics
            .iter()
            .map(|topic| topic.as_str().unwrap_or_default()),
    )?;
    let data = body["data"].as_str().ok_or("data is not a string")?;
    let mut event = Event::new(data.to_owned());
    if let Some(event_type) = body["type"].as_str() {
        event = event.with_type(EventType::new(event_type.to_owned())?);
    }
    let publication = Publication::new(topics, event);
    Ok(match body["key"].as_str() {
        Some(key) => publication.with_key(key),
        None => publication,
    })
}

async fn healthz(State(node): State<Node>) -> Response {
    if node.hub.is_connected() {
        text(StatusCode::OK, "connected to NATS".to_owned())
    } else {
        text(
            StatusCode::SERVICE_UNAVAILABLE,
            "not connected to NATS".to_owned(),
        )
    }
}

fn text(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
