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
//! | `/htmx/2`, `/htmx/4` | fragments of HTML | pages with htmx |
//! | `/turbo` | Turbo Streams | pages with Turbo |
//! | `/datastar` | patches of elements and signals | pages with Datastar |
//!
//! ```text
//! cargo run -p guide --example protocols
//! curl -N 127.0.0.1:8080/openai/chat/completions -H 'Content-Type: application/json' \
//!     -d '{"model": "echo", "stream": true, "messages": [{"role": "user", "content": "Hello, world"}]}'
//! ```
//!
//! The pages show the notes of one wall. Install their libraries, then open them in a browser:
//!
//! ```text
//! npm install htmx.org@4 htmx-2@npm:htmx.org@2 htmx-ext-sse@2 @hotwired/turbo@8
//! mkdir node_modules/datastar   # and copy `datastar.js` of Datastar 1.0 there, which is not an npm package
//! curl 127.0.0.1:8080/wall/notes --data-urlencode 'text=Hello, world'
//! curl -X POST 127.0.0.1:8080/wall/close   # the pages close their streams
//! ```
//!
//! | environment variable | meaning | default |
//! |---|---|---|
//! | `PORT` | port of 127.0.0.1 | `8080` |
//! | `SCRIPTS` | folder of the libraries | `node_modules` |
//! | `MAX_AGE_MS` | maximum age of a stream; its client reconnects after it | none |
//!
//! `/streams` returns the number of open streams. All data is public here. Add authentication before you expose such a
//! server to a network.

mod ag_ui;
mod anthropic;
mod datastar;
mod graphql;
mod html;
mod htmx;
mod mcp;
mod model;
mod openai;
mod turbo;
mod typed;
mod ui_messages;
mod wall;

use std::{env, error::Error, str::FromStr, time::Duration};

use axum::{Extension, Router, routing::get};
use sse_hyper::{StreamConfig, StreamTracker};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

use crate::wall::Wall;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name, default: &str| env::var(name).unwrap_or(default.to_owned());
    let port = variable("PORT", "8080");
    let scripts = ServeDir::new(variable("SCRIPTS", "node_modules"));
    let mut config = StreamConfig::default();
    if let Ok(max_age) = env::var("MAX_AGE_MS") {
        let max_age = Duration::from_millis(u64::from_str(&max_age)?);
        config = config
            .max_age(max_age / 2..=max_age)
            .reconnection_time(max_age);
    }
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/");
    let tracker = StreamTracker::new(config);
    let open_streams = {
        let tracker = tracker.clone();
        move || async move { tracker.open_streams().to_string() }
    };
    let wall = Wall::new()?;
    let router = Router::new()
        .nest("/openai", openai::router())
        .nest("/anthropic", anthropic::router())
        .nest("/ui", ui_messages::router())
        .nest("/ag-ui", ag_ui::router())
        .nest("/graphql", graphql::router())
        .nest("/mcp", mcp::router())
        .nest("/htmx", htmx::router(wall.clone()))
        .nest("/turbo", turbo::router(wall.clone()))
        .nest("/datastar", datastar::router(wall.clone()))
        .nest("/wall", wall::router(wall))
        .nest_service("/scripts", scripts)
        .route("/streams", get(open_streams))
        .layer(Extension(tracker));
    axum::serve(listener, router).await?;
    Ok(())
}
