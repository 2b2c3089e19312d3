//! Descriptions of event streams in [OpenAPI 3.2](https://spec.openapis.org/oas/v3.2.0.html) for `utoipa`.
//!
//! The `itemSchema` of a response of the type `text/event-stream` describes each event: an object with the fields
//! `data`, `event`, `id` and `retry`. [`JsonEvent`] and [`EnumEvent`] are such schemas.
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "json"))]
//! # mod example {
//! use axum::response::IntoResponse;
//! use futures_util::stream;
//! use sse_hyper::{Event, EventStreamRequest, openapi::EnumEvent};
//! use utoipa::{OpenApi, ToSchema};
//!
//! #[derive(serde::Serialize, ToSchema)]
//! #[serde(rename_all = "snake_case")]
//! enum Order {
//!     Created { id: u64 },
//!     AllShipped,
//! }
//!
//! // The macros of utoipa take a name, but no generic type of another crate.
//! type OrderEvent = EnumEvent<Order>;
//!
//! #[utoipa::path(get, path = "/orders", responses(
//!     (status = 200, content_type = "text/event-stream", item_schema = inline(OrderEvent)),
//! ))]
//! async fn orders(sse: EventStreamRequest) -> impl IntoResponse {
//!     let orders = [Order::Created { id: 7 }, Order::AllShipped];
//!     sse.respond(stream::iter(orders.map(|order| Event::from_enum(&order))))
//! }
//!
//! /// `itemSchema` needs version 3.2.
//! #[derive(OpenApi)]
//! #[openapi(version = "3.2.0", paths(orders))]
//! struct Api;
//! # }
//! ```
//!
//! Types that the data refers to, such as structs in fields of the enum, belong into `components(schemas(…))`. The close
//! event of a tracker and the events of a keep-alive are not a part of these schemas.

use core::{any::type_name, marker::PhantomData, mem::take};
use std::borrow::Cow;

use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, ObjectBuilder, OneOfBuilder, RefOr, Schema,
        schema::{SchemaType, Type},
    },
};

/// Schema of an event whose data is a `T` in JSON, as `Event::json` creates it.
///
/// ```
/// use sse_hyper::openapi::JsonEvent;
/// use utoipa::PartialSchema;
///
/// let schema = serde_json::to_value(JsonEvent::<u8>::schema())?;
/// let data = &schema["properties"]["data"];
/// assert_eq!(data["contentMediaType"], "application/json");
/// assert_eq!(data["contentSchema"]["type"], "integer");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct JsonEvent<T>(PhantomData<T>);

impl<T: ToSchema> PartialSchema for JsonEvent<T> {
    fn schema() -> RefOr<Schema> {
        let event_type = ObjectBuilder::new().schema_type(Type::String);
        let event = ObjectBuilder::new().property("event", event_type);
        with_other_fields(event, T::schema()).into()
    }
}

impl<T: ToSchema> ToSchema for JsonEvent<T> {
    fn name() -> Cow<'static, str> {
        format!("JsonEvent_{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// Schema of the events of an enum, as `Event::from_enum` creates them: one alternative for each variant.
///
/// # Panics
///
/// The methods of [`PartialSchema`] and [`ToSchema`] panic if the schema of `T` is not that of an enum of serde's
/// default representation, because `Event::from_enum` also rejects its values.
///
/// ```
/// use sse_hyper::openapi::EnumEvent;
/// use utoipa::{PartialSchema, ToSchema};
///
/// #[derive(ToSchema)]
/// #[serde(rename_all = "snake_case")]
/// # #[allow(dead_code)]
/// enum Order {
///     Created { id: u64 },
///     AllShipped,
/// }
///
/// let schema = serde_json::to_value(EnumEvent::<Order>::schema())?;
/// let created = &schema["oneOf"][0]["properties"];
/// assert_eq!(created["event"]["enum"][0], "created");
/// assert_eq!(created["data"]["contentSchema"]["required"][0], "id");
/// let all_shipped = &schema["oneOf"][1]["properties"];
/// assert_eq!(all_shipped["event"]["enum"][0], "all_shipped");
/// assert_eq!(all_shipped["data"]["contentSchema"]["type"], "null");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct EnumEvent<T>(PhantomData<T>);

impl<T: ToSchema> PartialSchema for EnumEvent<T> {
    fn schema() -> RefOr<Schema> {
        let alternatives = match T::schema() {
            RefOr::T(Schema::OneOf(alternatives)) => alternatives.items,
            // An enum without any content has one list of names.
            names => vec![names],
        };
        let mut events = OneOfBuilder::new();
        for alternative in alternatives {
            let typed = typed_events(alternative).unwrap_or_else(|| {
                panic!(
                    "the schema of {} is not that of an enum of the default representation",
                    type_name::<T>()
                )
            });
            events = typed.into_iter().fold(events, OneOfBuilder::item);
        }
        events.into()
    }
}

impl<T: ToSchema> ToSchema for EnumEvent<T> {
    fn name() -> Cow<'static, str> {
        format!("EnumEvent_{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// Returns the schemas of the events of an alternative of the default representation: a list of names without content,
/// or an object with the name of a variant as its only property. `None` for another schema.
fn typed_events(alternative: RefOr<Schema>) -> Option<Vec<Object>> {
    let RefOr::T(Schema::Object(mut variant)) = alternative else {
        return None;
    };
    if let Some(names) = variant.enum_values.take() {
        let null = || ObjectBuilder::new().schema_type(Type::Null).into();
        let event = |name: &Value| Some(typed_event(&variant, name.as_str()?, null()));
        return names.iter().map(event).collect();
    }
    let has_only_a_name = variant.properties.len() == 1
        && variant.properties.keys().eq(&variant.required)
        && variant.schema_type == SchemaType::new(Type::Object);
    // A map of another type with the feature `preserve_order` of utoipa.
    let mut properties = take(&mut variant.properties).into_iter();
    let (name, content) = properties.next().filter(|_| has_only_a_name)?;
    Some(vec![typed_event(&variant, &name, content)])
}

/// Returns the schema of an event of this type, with the title and the description of its variant.
fn typed_event(variant: &Object, name: &str, content: RefOr<Schema>) -> Object {
    // An enum of one value means the same as `const`, which utoipa 6 does not have.
    let event_type = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([name]));
    let mut event = ObjectBuilder::new()
        .title(variant.title.clone())
        .description(variant.description.clone())
        .property("event", event_type);
    // An event of the type `message` is sent without its type.
    if name != "message" {
        event = event.required("event");
    }
    with_other_fields(event, content)
}

/// Adds the fields `data`, `id` and `retry`.
fn with_other_fields(event: ObjectBuilder, content: RefOr<Schema>) -> Object {
    let data = ObjectBuilder::new()
        .schema_type(Type::String)
        .content_media_type("application/json")
        .content_schema(Some(content));
    let retry = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .description(Some("Reconnection time in milliseconds"))
        .minimum(Some(0));
    event
        .schema_type(Type::Object)
        .property("data", data)
        .required("data")
        .property("id", ObjectBuilder::new().schema_type(Type::String))
        .property("retry", retry)
        .build()
}
