//! `POST /publish`: reading of a body, publication of its events, and the memory that all publications share.

use core::{error::Error, pin::pin, time::Duration};
use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mediatype::{MediaType, ReadParams as _};
use serde_json::{Value, json};
use sse_hub::{BackendErrorKind, Hub, Publication, PublishError};
use sse_hyper::EventId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

use crate::hub::{
    access::PUBLISH_SCHEME,
    cooperative::{self, TimeSlice},
    event_input::{self, EVENT_SCHEMA, EventInput},
    openapi::{self, Operation},
    response::{self, Body, Refusal, RefusalKind},
    server::Server,
};

/// Maximum time until a body has arrived.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Number of bytes that a body may have in addition to the data of its event.
const BODY_OVERHEAD_BYTES: usize = 64 * 1024;

/// Number of bytes of memory that a publication takes for each byte of its body: the body, and its event or the IDs of
/// its lines. A line has at least 24 bytes, and the response has at most 35 bytes for it.
const MEMORY_FACTOR: usize = 3;

/// Describes a publication for `/openapi.json`.
pub(crate) fn describe(server: &Server) -> Operation {
    let event = json!({ "$ref": format!("#/components/schemas/{EVENT_SCHEMA}") });
    let content = MEDIA_TYPES.into_iter().map(|(name, format)| {
        let content = match format {
            BodyFormat::Json => json!({ "schema": event }),
            BodyFormat::Lines => json!({ "itemSchema": event }),
            BodyFormat::Fields => json!({ "schema": event_input::form_schema(server.max_event) }),
            BodyFormat::Text => {
                json!({ "schema": { "type": "string", "maxLength": server.max_event } })
            }
        };
        (name.to_owned(), content)
    });
    let id = json!({ "type": "string" });
    let ids = json!({ "type": "array", "items": id });
    let answer = |name: &str, schema: &Value| {
        json!({
            "type": "object",
            "properties": { name: schema },
            "required": [name],
            "additionalProperties": false,
        })
    };
    let response = openapi::response(
        "The ID of the event, or the IDs of the events of all lines",
        "application/json",
        json!({ "oneOf": [answer("id", &id), answer("ids", &ids)] }),
    );
    Operation {
        parameters: event_input::query_parameters(),
        request: Some(content.collect()),
        // A text may be empty.
        is_request_optional: true,
        ..Operation::new(
            "publish",
            "Publishes an event, or one event for each line",
            response,
        )
    }
    .with_security([PUBLISH_SCHEME])
    .with_refusals(BODY_REFUSALS)
    .with_refusals([StatusCode::BAD_GATEWAY])
}

/// Statuses with which a request can be refused because of its body.
pub(crate) const BODY_REFUSALS: [StatusCode; 4] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::SERVICE_UNAVAILABLE,
];

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
    let format = BodyFormat::from_headers(request.headers())?;
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    if format != BodyFormat::Text && !query.is_empty() {
        return Err(Refusal::bad(
            "the query: only a request with a text/plain body may have one",
        ));
    }
    let max_event = server.max_event;
    // JSON may encode one byte as six.
    let limit = max_event
        .saturating_mul(8)
        .saturating_add(BODY_OVERHEAD_BYTES);
    let (body, memory) = read(body, limit, &server.body_memory).await?;
    let bytes = body.len();
    let publication = match format {
        BodyFormat::Lines => {
            let lines = cooperative::run(bytes, || utf8(body)).await?;
            return publish_lines(server, lines, memory).await;
        }
        BodyFormat::Json => {
            cooperative::run(bytes, move || {
                EventInput::from_json(&utf8(body)?)?.into_publication(max_event)
            })
            .await
        }
        BodyFormat::Fields => {
            cooperative::run(bytes, move || {
                EventInput::from_form(&body)?.into_publication(max_event)
            })
            .await
        }
        BodyFormat::Text => {
            let input = EventInput::from_form(query.as_bytes());
            let input = input.map_err(|refusal| refusal.at("the query"))?;
            let work = move || input.with_data(utf8(body)?)?.into_publication(max_event);
            cooperative::run(bytes, work).await
        }
    };
    let id = send(&server.hub, publication?).await?;
    Ok(response::json(json!({"id": id.as_str()}).to_string()))
}

/// Checks all lines, and publishes them if all are valid. It parses each line twice, because the events of all lines
/// together would take many times the memory of the text.
async fn publish_lines(
    server: &Server,
    text: String,
    mut memory: Reservation,
) -> Result<Response<Body>, Refusal> {
    let lines = || (1_usize..).zip(text.split('\n'));
    let mut slice = TimeSlice::start();
    for (number, line) in lines() {
        let parsed = parse_line(line, server.max_event).await;
        let checked = parsed.and_then(|publication| match publication {
            Some(publication) => server.hub.check(&publication).map_err(publish_refusal),
            None => Ok(()),
        });
        checked.map_err(|refusal| refusal.at(format_args!("line {number}")))?;
        slice.yield_if_over().await;
    }
    let mut ids = String::from("{\"ids\":[");
    for (number, line) in lines() {
        if let Some(publication) = parse_line(line, server.max_event).await? {
            let id = send(&server.hub, publication).await.map_err(|refusal| {
                let place = format_args!("line {number}, the first that is not published");
                refusal.at(place)
            })?;
            if !ids.ends_with('[') {
                ids.push(',');
            }
            ids.push_str(&json!(id.as_str()).to_string());
        }
        slice.yield_if_over().await;
    }
    ids.push_str("]}\n");
    drop(text);
    ids.shrink_to_fit();
    memory.shrink_to(ids.len());
    Ok(response::long_json(ids, memory))
}

/// Parses the event of a line. Returns `None` for a blank line.
async fn parse_line(line: &str, max_event: usize) -> Result<Option<Publication>, Refusal> {
    fn parse(line: &str, max_event: usize) -> Result<Option<Publication>, Refusal> {
        match line.trim_ascii().is_empty() {
            true => Ok(None),
            false => EventInput::from_json(line)?
                .into_publication(max_event)
                .map(Some),
        }
    }
    if line.len() <= cooperative::MAX_INLINE_BYTES {
        return parse(line, max_event);
    }
    let line = line.to_owned();
    cooperative::run(line.len(), move || parse(&line, max_event)).await
}

/// Publishes an event.
pub(crate) async fn send(hub: &Hub, publication: Publication) -> Result<EventId, Refusal> {
    let (hub, bytes) = (hub.clone(), publication.event.data().len());
    // The first poll encodes the event, which may be long work.
    let published =
        cooperative::run_future(bytes, async move { hub.publish(publication).await }).await;
    published.map_err(publish_refusal)
}

fn publish_refusal(error: PublishError) -> Refusal {
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
            Refusal::new(status, format_args!("{error:#}")).with_kind(RefusalKind::Backend)
        }
        _ => Refusal::bad(error),
    }
}

/// Format of a body, by its Content-Type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyFormat {
    Json,
    Lines,
    Fields,
    Text,
}

/// Media types of bodies.
const MEDIA_TYPES: [(&str, BodyFormat); 6] = [
    ("application/json", BodyFormat::Json),
    ("application/x-ndjson", BodyFormat::Lines),
    ("application/ndjson", BodyFormat::Lines),
    ("application/jsonl", BodyFormat::Lines),
    ("application/x-www-form-urlencoded", BodyFormat::Fields),
    ("text/plain", BodyFormat::Text),
];

impl BodyFormat {
    fn from_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(unsupported("Content-Encoding: not supported"));
        }
        let Some(value) = headers.get(CONTENT_TYPE) else {
            return Ok(Self::Text);
        };
        let content_type = value
            .to_str()
            .ok()
            .and_then(|text| MediaType::parse(text).ok());
        let Some(content_type) = content_type else {
            return Err(unsupported("Content-Type: not a media type"));
        };
        let charset = content_type.get_param(mediatype::names::CHARSET);
        if charset.is_some_and(|charset| !charset.unquoted_str().eq_ignore_ascii_case("utf-8")) {
            return Err(unsupported("Content-Type: the charset must be utf-8"));
        }
        let essence = content_type.essence().to_string().to_ascii_lowercase();
        match MEDIA_TYPES.into_iter().find(|(known, _)| *known == essence) {
            Some((_, format)) => Ok(format),
            None => Err(unsupported(&format!(
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
pub(crate) async fn read<B>(
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
    let upper = size.upper().and_then(|upper| usize::try_from(upper).ok());
    let size = upper.map_or(limit, |upper| upper.min(limit));
    let mut body = pin!(Limited::new(body, limit));
    let (mut bytes, mut reservation) = (Vec::new(), Reservation::default());
    let mut deadline = Instant::now() + BODY_TIMEOUT;
    let mut slice = TimeSlice::start();
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
            if length > UNRESERVED_BYTES && reservation.is_empty() {
                let start = Instant::now();
                reservation = memory.reserve(size.saturating_mul(MEMORY_FACTOR)).await?;
                // The wait for memory does not count as time of the client.
                deadline += start.elapsed();
                bytes.reserve_exact(size.saturating_sub(bytes.len()));
            }
            bytes.extend_from_slice(&data);
        }
        slice.yield_if_over().await;
    }
}

fn utf8(body: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(body)
        .map_err(|error| Refusal::bad(format_args!("the body: {}", error.utf8_error())))
}

/// Maximum length in bytes of a body that reserves no memory, so that a short publication never waits for long ones.
const UNRESERVED_BYTES: usize = 64 * 1024;

/// Maximum number of bytes that longer publications reserve together.
const RESERVABLE_BYTES: usize = 64 * 1024 * 1024;

/// Maximum time that a publication waits for memory before it is refused.
const RESERVATION_TIMEOUT: Duration = Duration::from_secs(60);

/// Memory for publications, of which each reserves a part.
///
/// # A note to the next reader
///
/// A publication first reserves all memory that it may take, and then reads its body. If it reserved memory piece by
/// piece, many publications could hold a part and wait for the rest. That would be a deadlock.
#[derive(Debug)]
pub(crate) struct BodyMemory(Arc<Semaphore>);

impl Default for BodyMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(RESERVABLE_BYTES)))
    }
}

impl BodyMemory {
    /// Reserves memory in the order of the calls, and waits until there is enough. A publication that may take more
    /// than the whole memory reserves all of it.
    ///
    /// # Errors
    ///
    /// Status 503 after 60 s of waiting.
    async fn reserve(&self, bytes: usize) -> Result<Reservation, Refusal> {
        // The limit fits into a `u32`.
        let bytes = bytes.min(RESERVABLE_BYTES) as u32;
        let permit = Arc::clone(&self.0).acquire_many_owned(bytes);
        match timeout(RESERVATION_TIMEOUT, permit).await {
            // The semaphore is never closed.
            Ok(permit) => Ok(Reservation(permit.ok())),
            Err(_) => {
                let seconds = RESERVATION_TIMEOUT.as_secs();
                let reason = format_args!("too many publications: no memory free for {seconds} s");
                let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason);
                Err(refusal.with_kind(RefusalKind::Memory))
            }
        }
    }
}

/// Reserved memory of one publication, until this is dropped. A short publication reserves none.
#[derive(Debug, Default)]
pub(crate) struct Reservation(Option<OwnedSemaphorePermit>);

impl Reservation {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Releases memory, so that at most `bytes` bytes stay reserved.
    fn shrink_to(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.0 {
            drop(permit.split(permit.num_permits().saturating_sub(bytes)));
        }
    }

    /// Converts a text to bytes that keep the memory reserved until the last part of them is dropped.
    pub(crate) fn keep_with(self, text: String) -> Bytes {
        Bytes::from_owner(Reserved {
            text,
            _reservation: self,
        })
    }
}

struct Reserved {
    text: String,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Reserved {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use testkit::timeout::test_timeout;

    use super::*;

    /// Reserves memory that must be free.
    fn take(memory: &BodyMemory, bytes: usize) -> Reservation {
        let reservation = memory.reserve(bytes).now_or_never();
        reservation.expect("memory is free").unwrap()
    }

    #[tokio::test]
    async fn memory_comes_back() {
        let memory = BodyMemory::default();
        for bytes in [1, RESERVABLE_BYTES, RESERVABLE_BYTES + 1, usize::MAX] {
            let first = take(&memory, bytes);
            let mut waiting = Box::pin(memory.reserve(RESERVABLE_BYTES));
            assert!((&mut waiting).now_or_never().is_none());
            // A later call does not overtake it.
            assert!(memory.reserve(1).now_or_never().is_none());
            drop(first);
            timeout(test_timeout(), waiting).await.unwrap().unwrap();
        }
        assert_eq!(memory.0.available_permits(), RESERVABLE_BYTES);
    }

    #[tokio::test]
    async fn a_reservation_that_shrinks_gives_memory_back() {
        let memory = BodyMemory::default();
        let mut reservation = take(&memory, RESERVABLE_BYTES);
        // A reservation never grows.
        for (bytes, left) in [
            (usize::MAX, RESERVABLE_BYTES),
            (1000, 1000),
            (2000, 1000),
            (0, 0),
        ] {
            reservation.shrink_to(bytes);
            assert_eq!(
                memory.0.available_permits(),
                RESERVABLE_BYTES - left,
                "{bytes}"
            );
        }
        Reservation::default().shrink_to(0);
    }

    #[tokio::test]
    async fn an_answer_keeps_its_memory_until_it_is_read() {
        let memory = BodyMemory::default();
        let mut answer = take(&memory, RESERVABLE_BYTES).keep_with("answer".to_owned());
        let part = answer.split_to(1);
        drop(answer);
        assert_eq!(memory.0.available_permits(), 0);
        drop(part);
        assert_eq!(memory.0.available_permits(), RESERVABLE_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn no_memory_for_long_is_503() {
        let memory = BodyMemory::default();
        let all = take(&memory, RESERVABLE_BYTES);
        let refusal = memory.reserve(1).await.unwrap_err();
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE);
        drop(all);
        take(&memory, RESERVABLE_BYTES);
    }
}
