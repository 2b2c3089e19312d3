//! `POST /publish`.

use core::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mediatype::{MediaType, ReadParams as _};
use serde_json::json;
use sse_hub::{Hub, Post, PublishError};
use sse_hyper::EventId;
use tokio::time::timeout;

use crate::hub::{
    answer::{self, Body, Refusal},
    draft::Draft,
    incoming::Incoming,
    server::Server,
};

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a body of one event may have beside its data.
const ROOM: usize = 64 * 1024;

/// Publishes what the body says: all of it, unless the backend fails in the middle.
pub(crate) async fn publish(
    server: &Server,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    server.access.check_publisher(request.headers())?;
    let form = Form::of(request.headers())?;
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    if form != Form::Text && !query.is_empty() {
        return Err(Refusal::bad(
            "the query: with a body that is not text/plain, all is in the body",
        ));
    }
    // JSON may take six bytes for one.
    let limit = server.max_event.saturating_mul(8).saturating_add(ROOM);
    let body = read(body, limit).await?;
    let draft = match form {
        Form::Lines => return publish_lines(server, text(&body)?).await,
        Form::Json => Draft::of_json(text(&body)?)?,
        Form::Fields => Draft::of_form(&body)?,
        Form::Text => Draft::of_form(query.as_bytes())
            .map_err(|refusal| refusal.at("the query"))?
            .with_data(text(&body)?.to_owned())?,
    };
    let id = send(&server.hub, draft.post(server.max_event)?).await?;
    Ok(answer::json(&json!({"id": id.as_str()})))
}

async fn publish_lines(server: &Server, text: &str) -> Result<Response<Body>, Refusal> {
    let mut posts = Vec::new();
    for (number, line) in (1_usize..).zip(text.split('\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let post = Draft::of_json(line).and_then(|draft| draft.post(server.max_event));
        posts.push((
            number,
            post.map_err(|refusal| refusal.at(format_args!("line {number}")))?,
        ));
    }
    let mut ids = Vec::new();
    for (number, post) in posts {
        let id = send(&server.hub, post).await.map_err(|refusal| {
            let place = format_args!("line {number}, the first that is not published");
            refusal.at(place)
        })?;
        ids.push(id.as_str().to_owned());
        // In memory, nothing of this waits for anything, and others want their turn.
        tokio::task::consume_budget().await;
    }
    Ok(answer::json(&json!({"ids": ids})))
}

async fn send(hub: &Hub, post: Post) -> Result<EventId, Refusal> {
    hub.post(post).await.map_err(|error| match error {
        PublishError::TooLarge { .. } => Refusal::too_large(error),
        _ => {
            tracing::warn!(%error, "an event was not published");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error)
        }
    })
}

/// What a body is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Lines,
    Fields,
    Text,
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(unsupported("Content-Encoding: the body has to be as it is"));
        }
        let Some(value) = headers.get(CONTENT_TYPE) else {
            return Ok(Self::Text);
        };
        let content_type = value.to_str().ok().and_then(|it| MediaType::parse(it).ok());
        let Some(content_type) = content_type else {
            return Err(unsupported("Content-Type: not a media type"));
        };
        let charset = content_type.get_param(mediatype::names::CHARSET);
        if charset.is_some_and(|it| !it.unquoted_str().eq_ignore_ascii_case("utf-8")) {
            return Err(unsupported("Content-Type: the only charset is utf-8"));
        }
        let essence = content_type.essence().to_string().to_ascii_lowercase();
        match &*essence {
            "application/json" => Ok(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Self::Lines),
            "application/x-www-form-urlencoded" => Ok(Self::Fields),
            "text/plain" => Ok(Self::Text),
            _ => Err(unsupported(&format!(
                "Content-Type: {essence} is none of application/json, application/x-ndjson, \
                 application/x-www-form-urlencoded and text/plain"
            ))),
        }
    }
}

fn unsupported(reason: &str) -> Refusal {
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason)
}

/// Reads the body, but not more than that.
async fn read(body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::too_large(format_args!("the body has more than {limit} bytes"));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match timeout(PATIENCE, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Refusal::bad(format_args!("the body: {error}"))),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format_args!("the body did not come in {} s", PATIENCE.as_secs()),
        )),
    }
}

fn text(body: &[u8]) -> Result<&str, Refusal> {
    str::from_utf8(body).map_err(|error| Refusal::bad(format_args!("the body: {error}")))
}
