//! `sse publish`.

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http::{
    Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
    uri::PathAndQuery,
};
use http_body_util::{BodyExt, Full, Limited};
use serde::Deserialize;
use tower::ServiceExt;

use crate::{input, parse, request::ConnectionOptions, stderr, stdout};

/// Maximum length of a response in bytes, which has the IDs of all published events.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// Publish events to a hub, and print their IDs.
///
/// The data of the event is DATA. By default it is read from stdin, without the line end after the last line.
///
/// The exit code is 1 if the hub refuses the event; the reason is printed on stderr.
#[derive(Args)]
pub(crate) struct Arguments {
    /// URL of the hub, as `sse hub` prints it. The default path is /publish.
    #[arg(value_parser = parse::url)]
    url: Uri,
    /// Data of the event.
    #[arg(conflicts_with = "lines")]
    data: Option<String>,
    /// Topic of the event; may be repeated.
    #[arg(
        short,
        long = "topic",
        value_name = "TOPIC",
        required_unless_present = "lines"
    )]
    topics: Vec<String>,
    /// Type of the event.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Compaction key: the event replaces earlier ones with this key.
    #[arg(long, value_name = "KEY")]
    compaction_key: Option<String>,
    /// Read events from stdin, one JSON object per line: {"topic" or "topics", "data"}, optionally with "type" and
    /// "key".
    #[arg(long, conflicts_with_all = ["topics", "event_type", "compaction_key"])]
    lines: bool,
    /// Token for publishers.
    ///
    /// Other users of this machine can see command lines, so set the token in the environment instead.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_PUBLISH_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Response of the hub: the ID of one event, or those of all lines.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Published {
    Id(String),
    Ids(Vec<String>),
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let request = arguments.request()?;
    let response = arguments.connection.transport()?.oneshot(request).await;
    let response = response.map_err(|error| anyhow!(error))?;
    let (status, body) = read(response).await?;
    if status != StatusCode::OK {
        let body = String::from_utf8_lossy(&body);
        bail!("status {status}: {}", stderr::escaped(body.trim()));
    }
    let published = serde_json::from_slice(&body).context("the response is not from a hub")?;
    let mut lines = match published {
        Published::Id(id) => id,
        Published::Ids(ids) => ids.join("\n"),
    };
    if !lines.is_empty() {
        lines.push('\n');
    }
    stdout::write(lines.as_bytes())
}

impl Arguments {
    fn request(&self) -> Result<Request<Full<Bytes>>> {
        let (content_type, body) = match self.lines {
            true => ("application/x-ndjson", input::stdin()?),
            false => ("text/plain", self.data()?),
        };
        let mut request = Request::post(self.uri()?).header(CONTENT_TYPE, content_type);
        if let Some(token) = &self.token {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            let mut value = value.context("the token is not valid in a header")?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        Ok(request.body(Full::new(body.into()))?)
    }

    /// Returns the URL to publish to. Its query has the topics, the type and the key.
    fn uri(&self) -> Result<Uri> {
        let mut parts = self.url.clone().into_parts();
        let authority = parts.authority.as_ref();
        if authority.is_some_and(|authority| authority.as_str().contains('@')) {
            bail!("the URL has credentials, but a hub needs a token: use --token");
        }
        let path = match self.url.path() {
            "/" => "/publish",
            path => path,
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for topic in &self.topics {
            query.append_pair("topic", topic);
        }
        for (name, value) in [("type", &self.event_type), ("key", &self.compaction_key)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        let separator = if query.is_empty() { "" } else { "?" };
        let target = PathAndQuery::try_from(format!("{path}{separator}{query}"))?;
        parts.path_and_query = Some(target);
        Ok(Uri::from_parts(parts)?)
    }

    fn data(&self) -> Result<Vec<u8>> {
        if let Some(data) = &self.data {
            return Ok(data.clone().into_bytes());
        }
        let mut data = input::stdin()?;
        if data.ends_with(b"\n") {
            data.pop();
            data.pop_if(|byte| *byte == b'\r');
        }
        Ok(data)
    }
}

async fn read<B>(response: Response<B>) -> Result<(StatusCode, Bytes)>
where
    B: http_body::Body<Data = Bytes, Error = sse_source::BoxError>,
{
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
    let body = body.map_err(|error| anyhow!(error).context("cannot read the response"))?;
    Ok((head.status, body.to_bytes()))
}
