//! Server for the protocols that programs speak over event streams today, one file for each:
//!
//! | path | protocol | clients |
//! |---|---|---|
//! | `/openai` | chat completions and responses of OpenAI's API | OpenAI's SDKs |
//! | `/anthropic` | messages of Anthropic's API | Anthropic's SDKs |
//! | `/ui` | UI message streams of Vercel's AI SDK | `ai`, `@ai-sdk/react` |
//! | `/ag-ui` | AG-UI | `@ag-ui/client` |
//! | `/graphql` | GraphQL over SSE, both modes | `graphql-sse` |
//! | `/mcp` | Model Context Protocol, Streamable HTTP | MCP's SDKs |
//!
//! ```text
//! cargo run -p guide --example protocols
//! curl -N 127.0.0.1:8080/openai/chat/completions -H 'Content-Type: application/json' \
//!     -d '{"model": "echo", "stream": true, "messages": [{"role": "user", "content": "Hello, world"}]}'
//! ```
//!
//! `/streams` returns the number of open streams. All data is public here. Add authentication before you expose such a
//! server to a network.

mod ag_ui;
mod anthropic;
mod graphql;
mod mcp;
mod model;
mod openai;
mod typed;
mod ui_messages;

use std::{env, io};

use axum::{Extension, Router, routing::get};
use sse_hyper::StreamTracker;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/");
    let tracker = StreamTracker::default();
    let open_streams = {
        let tracker = tracker.clone();
        move || async move { tracker.open_streams().to_string() }
    };
    let router = Router::new()
        .nest("/openai", openai::router())
        .nest("/anthropic", anthropic::router())
        .nest("/ui", ui_messages::router())
        .nest("/ag-ui", ag_ui::router())
        .nest("/graphql", graphql::router())
        .nest("/mcp", mcp::router())
        .route("/streams", get(open_streams))
        .layer(Extension(tracker));
    axum::serve(listener, router).await
}
