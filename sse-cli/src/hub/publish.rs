//! `POST /publish`.

use core::{error::Error, pin::pin, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mediatype::{MediaType, ReadParams as _};
use serde_json::json;
use sse_hub::{BackendErrorKind, Hub, Publication, PublishError};
use sse_hyper::EventId;
use tokio::time::{Instant, timeout_at};

use crate::hub::{
    answer::{self, Body, Refusal},
    body_memory::{self, BodyMemory, Reservation},
    draft::Draft,
    server::Server,
    turn::{self, Turn},
};

/// Maximum time until a body has arrived.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Number of bytes that a body may have in addition to the data of its event.
const OVERHEAD_BYTES: usize = 64 * 1024;

/// Number of bytes of memory that a publication takes for each byte of its body: the body, and its event or the IDs of
/// its lines. A line has at least 24 bytes, and the response has at most 35 bytes for it.
const MEMORY_FACTOR: usize = 3;

/// Publishes the event or the events of a body. Unless the backend fails, it publishes all of them or none.
pub(crate) async fn publish<B>(
    server: &Server,
    request: Request<B>,
) -> Result<Response<Body>, Refusal>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    server.access.check_publisher(request.headers())?;
    let form = Form::of(request.headers())?;
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    if form != Form::Text && !query.is_empty() {
        return Err(Refusal::bad(
            "the query: only a request with a text/plain body may have one",
        ));
    }
    let max_event = server.max_event;
    // JSON may encode one byte as six.
    let limit = max_event.saturating_mul(8).saturating_add(OVERHEAD_BYTES);
    let (body, memory) = read(body, limit, &server.body_memory).await?;
    let bytes = body.len();
    let post = match form {
        Form::Lines => {
            let lines = turn::run(bytes, || text(body)).await?;
            return publish_lines(server, lines, memory).await;
        }
        Form::Json => turn::run(bytes, move || Draft::of_json(&text(body)?)?.post(max_event)).await,
        Form::Fields => turn::run(bytes, move || Draft::of_form(&body)?.post(max_event)).await,
        Form::Text => {
            let draft = Draft::of_form(query.as_bytes());
            let draft = draft.map_err(|refusal| refusal.at("the query"))?;
            let work = move || draft.with_data(text(body)?)?.post(max_event);
            turn::run(bytes, work).await
        }
    };
    let id = send(&server.hub, post?).await?;
    Ok(answer::json(json!({"id": id.as_str()}).to_string()))
}

/// Checks all lines, and publishes them if all are valid. It parses each line twice, because the events of all lines
/// together would take many times the memory of the text.
async fn publish_lines(
    server: &Server,
    text: String,
    mut memory: Reservation,
) -> Result<Response<Body>, Refusal> {
    let lines = || (1_usize..).zip(text.split('\n'));
    let mut turn = Turn::start();
    for (number, line) in lines() {
        let post = parse_line(line, server.max_event).await;
        let checked = post.and_then(|post| match post {
            Some(post) => server.hub.check(&post).map_err(refusal),
            None => Ok(()),
        });
        checked.map_err(|refusal| refusal.at(format_args!("line {number}")))?;
        turn.pause().await;
    }
    let mut ids = String::from("{\"ids\":[");
    for (number, line) in lines() {
        if let Some(post) = parse_line(line, server.max_event).await? {
            let id = send(&server.hub, post).await.map_err(|refusal| {
                let place = format_args!("line {number}, the first that is not published");
                refusal.at(place)
            })?;
            if !ids.ends_with('[') {
                ids.push(',');
            }
            ids.push_str(&json!(id.as_str()).to_string());
        }
        turn.pause().await;
    }
    ids.push_str("]}\n");
    drop(text);
    ids.shrink_to_fit();
    memory.shrink_to(ids.len());
    Ok(answer::long_json(ids, memory))
}

/// Parses the event of a line. Returns `None` for a blank line.
async fn parse_line(line: &str, max_event: usize) -> Result<Option<Publication>, Refusal> {
    fn parse(line: &str, max_event: usize) -> Result<Option<Publication>, Refusal> {
        match line.trim_ascii().is_empty() {
            true => Ok(None),
            false => Draft::of_json(line)?.post(max_event).map(Some),
        }
    }
    if line.len() <= turn::SHORT_WORK_BYTES {
        return parse(line, max_event);
    }
    let line = line.to_owned();
    turn::run(line.len(), move || parse(&line, max_event)).await
}

async fn send(hub: &Hub, post: Publication) -> Result<EventId, Refusal> {
    let (hub, bytes) = (hub.clone(), post.event.data().len());
    // The first poll encodes the event, which may be long work.
    let posted = turn::run_future(bytes, async move { hub.publish(post).await }).await;
    posted.map_err(refusal)
}

fn refusal(error: PublishError) -> Refusal {
    match error {
        PublishError::TooLarge { .. } => Refusal::too_large(error),
        PublishError::Backend(ref cause) => {
            let status = match cause.kind() {
                BackendErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                BackendErrorKind::Refused => StatusCode::BAD_GATEWAY,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let error = anyhow::Error::from(error);
            tracing::warn!("an event was not published: {error:#}");
            Refusal::new(status, format_args!("{error:#}"))
        }
        _ => Refusal::bad(error),
    }
}

/// Form of a body, by its Content-Type.
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
            return Err(unsupported("Content-Encoding: not supported"));
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
            return Err(unsupported("Content-Type: the charset must be utf-8"));
        }
        let essence = content_type.essence().to_string().to_ascii_lowercase();
        match &*essence {
            "application/json" => Ok(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Self::Lines),
            "application/x-www-form-urlencoded" => Ok(Self::Fields),
            "text/plain" => Ok(Self::Text),
            _ => Err(unsupported(&format!(
                "Content-Type: {essence} is not supported; use application/json, application/x-ndjson, \
                 application/x-www-form-urlencoded or text/plain"
            ))),
        }
    }
}

fn unsupported(reason: &str) -> Refusal {
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason)
}

/// Reads a body of at most `limit` bytes. A long body first waits until memory is reserved for it.
async fn read<B>(
    body: B,
    limit: usize,
    memory: &BodyMemory,
) -> Result<(Vec<u8>, Reservation), Refusal>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let too_large = || Refusal::too_large(format_args!("the body has more than {limit} bytes"));
    let size = body.size_hint();
    if size.lower() > limit as u64 {
        return Err(too_large());
    }
    let upper = size.upper().and_then(|it| usize::try_from(it).ok());
    let size = upper.map_or(limit, |it| it.min(limit));
    let mut body = pin!(Limited::new(body, limit));
    let (mut bytes, mut reservation) = (Vec::new(), Reservation::default());
    let mut deadline = Instant::now() + BODY_TIMEOUT;
    let mut turn = Turn::start();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok((bytes, reservation)),
            Ok(Some(Err(error))) => {
                return Err(match error.is::<LengthLimitError>() {
                    true => too_large(),
                    false => Refusal::bad(format_args!("the body: {error}")),
                });
            }
            Err(_) => {
                let seconds = BODY_TIMEOUT.as_secs();
                let reason = format_args!("the body did not arrive within {seconds} s");
                return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, reason));
            }
        };
        if let Ok(data) = frame.into_data() {
            let length = upper.unwrap_or(bytes.len() + data.len());
            if length > body_memory::FREE_BYTES && reservation.is_empty() {
                let start = Instant::now();
                reservation = memory.reserve(size.saturating_mul(MEMORY_FACTOR)).await?;
                // The wait for memory does not count as time of the client.
                deadline += start.elapsed();
                bytes.reserve_exact(size.saturating_sub(bytes.len()));
            }
            bytes.extend_from_slice(&data);
        }
        turn.pause().await;
    }
}

fn text(body: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(body)
        .map_err(|error| Refusal::bad(format_args!("the body: {}", error.utf8_error())))
}
