//! GraphQL over server-sent events, in both modes of the protocol:
//!
//! - distinct connections: the response to an operation is a stream of its results;
//! - single connection: a client reserves one stream, on which the results of all its operations arrive.
//!
//! A library such as async-graphql takes the place of `execute`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sse_hub::{Hub, Topic};
use sse_hyper::{Event, EventStreamRequest, EventType};
use tokio::{task::AbortHandle, time::sleep};

const NEXT: EventType = EventType::from_static("next");
const COMPLETE: EventType = EventType::from_static("complete");

/// Header with the token of a reservation. A client may also send the query parameter `token`.
const TOKEN: &str = "x-graphql-event-stream-token";

/// Maximum number of reservations.
const MAX_RESERVATIONS: usize = 1000;

/// Time between two results.
const STEP: Duration = Duration::from_millis(20);

#[derive(Clone, Default)]
struct Server {
    hub: Hub,
    reservations: Arc<Mutex<HashMap<String, Reservation>>>,
}

#[derive(Default)]
struct Reservation {
    has_stream: bool,
    /// Operations that may be running, by their IDs.
    operations: HashMap<String, AbortHandle>,
}

pub(crate) fn router() -> Router {
    let methods = post(operate).put(reserve).get(connect).delete(stop);
    Router::new()
        .route("/", methods)
        .with_state(Server::default())
}

#[derive(Deserialize)]
struct Operation {
    query: String,
    #[serde(default)]
    variables: Value,
    #[serde(default)]
    extensions: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    token: Option<String>,
    operation_id: Option<String>,
}

/// Stands for an executor. It knows `subscription($to: Int!) { count(to: $to) }`.
fn execute(operation: &Operation) -> impl Stream<Item = Value> + Send + use<> {
    let is_known = operation.query.contains("count(to: $to)");
    let to = operation.variables["to"].as_u64().unwrap_or(0);
    let error = json!({ "errors": [{ "message": "only `count(to: $to)` is known" }] });
    let counts = (1..=to).map(|number| json!({ "data": { "count": number } }));
    let results: Box<dyn Iterator<Item = Value> + Send> = match is_known {
        true => Box::new(counts),
        false => Box::new([error].into_iter()),
    };
    stream::iter(results).then(async |result| {
        sleep(STEP).await;
        result
    })
}

/// Executes an operation. The results are in the response, or on the stream of the reservation.
async fn operate(
    State(server): State<Server>,
    sse: EventStreamRequest,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
    Json(operation): Json<Operation>,
) -> Response {
    let results = execute(&operation);
    let Some(token) = token(&headers, &parameters) else {
        let results = results.map(|result| Event::new(result.to_string()).with_type(NEXT));
        let complete = Event::new("").with_type(COMPLETE);
        let events = results.chain(stream::iter([complete]));
        return sse.respond(Box::pin(events)).into_response();
    };
    let Some(id) = operation.extensions["operationId"].as_str() else {
        return (StatusCode::BAD_REQUEST, "the operation has no operationId").into_response();
    };
    let id = id.to_owned();
    let mut reservations = server.reservations();
    let Some(reservation) = reservations.get_mut(&token) else {
        return (StatusCode::NOT_FOUND, "there is no such reservation").into_response();
    };
    let results = {
        let id = id.clone();
        results.map(move |result| {
            let data = json!({ "id": id, "payload": result });
            Event::new(data.to_string()).with_type(NEXT)
        })
    };
    let complete = Event::new(json!({ "id": id }).to_string()).with_type(COMPLETE);
    let publish = server
        .clone()
        .publish(topic(&token), results.chain(stream::iter([complete])));
    reservation
        .operations
        .retain(|_, running| !running.is_finished());
    reservation
        .operations
        .insert(id, tokio::spawn(publish).abort_handle());
    StatusCode::ACCEPTED.into_response()
}

/// Reserves a stream, and returns its token.
async fn reserve(State(server): State<Server>) -> Response {
    let mut reservations = server.reservations();
    if reservations.len() >= MAX_RESERVATIONS {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let token = format!("{:032x}", fastrand::u128(..));
    reservations.insert(token.clone(), Reservation::default());
    (StatusCode::CREATED, token).into_response()
}

/// Opens the stream of a reservation. It begins with the results from before, if there are any.
async fn connect(
    State(server): State<Server>,
    sse: EventStreamRequest,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Response {
    let Some(token) = token(&headers, &parameters) else {
        return (StatusCode::BAD_REQUEST, "the request has no token").into_response();
    };
    match server.reservations().get_mut(&token) {
        None => return (StatusCode::NOT_FOUND, "there is no such reservation").into_response(),
        Some(reservation) if reservation.has_stream => {
            return (StatusCode::CONFLICT, "the reservation has a stream").into_response();
        }
        Some(reservation) => reservation.has_stream = true,
    }
    let ended = EndReservation(server.clone(), token.clone());
    match server
        .hub
        .subscription(topic(&token))
        .from_start()
        .subscribe()
    {
        Ok(mut subscription) => {
            subscription.hold(ended);
            sse.respond(subscription.events()).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// Stops an operation.
async fn stop(
    State(server): State<Server>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> StatusCode {
    let token = token(&headers, &parameters);
    let mut reservations = server.reservations();
    let Some(reservation) = token.and_then(|token| reservations.get_mut(&token)) else {
        return StatusCode::NOT_FOUND;
    };
    let id = parameters.operation_id.unwrap_or_default();
    if let Some(operation) = reservation.operations.remove(&id) {
        operation.abort();
    }
    StatusCode::OK
}

/// Ends a reservation with all its operations when its stream is closed.
struct EndReservation(Server, String);

impl Drop for EndReservation {
    fn drop(&mut self) {
        let Self(server, token) = self;
        let reservation = server.reservations().remove(token);
        for operation in reservation
            .into_iter()
            .flat_map(|reservation| reservation.operations)
        {
            operation.1.abort();
        }
    }
}

impl Server {
    fn reservations(&self) -> MutexGuard<'_, HashMap<String, Reservation>> {
        self.reservations.lock().expect("no panic with the lock")
    }

    async fn publish(self, topic: Topic, events: impl Stream<Item = Event> + Send) {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            if let Err(error) = self.hub.publish((topic.clone(), event)).await {
                eprintln!("graphql: {error}");
            }
        }
    }
}

fn token(headers: &HeaderMap, parameters: &Parameters) -> Option<String> {
    let header = headers.get(TOKEN).and_then(|token| token.to_str().ok());
    header
        .map(str::to_owned)
        .or_else(|| parameters.token.clone())
}

fn topic(token: &str) -> Topic {
    Topic::opaque(format!("graphql/{token}")).expect("a token is not empty, and has no line ends")
}
