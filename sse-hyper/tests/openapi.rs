//! Tests the descriptions of event streams against exact JSON.

#![allow(unused_qualifications, reason = "in the code of utoipa's macros")]

use serde_json::{Value, json};
use sse_hyper::openapi::{EnumEvent, JsonEvent};
use utoipa::{OpenApi, PartialSchema, ToSchema};

#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Price {
    symbol: String,
    cents: u64,
}

/// Update of an order.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
enum Update {
    /// An order was created.
    Created {
        id: u64,
    },
    Priced(Price),
    #[serde(rename = "message")]
    Note(String),
    Pair(u8, u8),
    AllShipped,
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
enum Light {
    Red,
    Green,
}

fn schema<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).expect("JSON")
}

/// Returns the schema of an event, with this data.
fn event(event_type: Value, required: &[&str], data: Value) -> Value {
    let mut event = json!({
        "type": "object",
        "required": required,
        "properties": {
            "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": data },
            "id": { "type": "string" },
            "retry": { "type": "integer", "minimum": 0, "description": "Reconnection time in milliseconds" }
        }
    });
    event["properties"]["event"] = event_type;
    event
}

type PriceEvent = JsonEvent<Price>;
type UpdateEvent = EnumEvent<Update>;

#[utoipa::path(get, path = "/prices", responses(
    (status = 200, description = "Prices", content_type = "text/event-stream", item_schema = inline(PriceEvent)),
))]
#[allow(dead_code, reason = "only its description is used")]
async fn prices() {}

#[utoipa::path(get, path = "/updates", responses(
    (status = 200, description = "Updates", content_type = "text/event-stream", item_schema = UpdateEvent),
))]
#[allow(dead_code, reason = "only its description is used")]
async fn updates() {}

#[derive(OpenApi)]
#[openapi(
    version = "3.2.0",
    paths(prices, updates),
    components(schemas(UpdateEvent))
)]
struct Api;

#[test]
fn a_document_describes_each_event_of_a_stream() {
    let document = serde_json::to_value(Api::openapi()).expect("JSON");
    assert_eq!(document["openapi"], "3.2.0");
    let price = json!({
        "type": "object",
        "required": ["symbol", "cents"],
        "properties": {
            "symbol": { "type": "string" },
            "cents": { "type": "integer", "format": "int64", "minimum": 0 }
        }
    });
    assert_eq!(
        document["paths"]["/prices"]["get"]["responses"],
        json!({
            "200": {
                "description": "Prices",
                "content": {
                    "text/event-stream": { "itemSchema": event(json!({ "type": "string" }), &["data"], price.clone()) }
                }
            }
        })
    );
    assert_eq!(
        document["paths"]["/updates"]["get"]["responses"]["200"]["content"],
        json!({
            "text/event-stream": { "itemSchema": { "$ref": "#/components/schemas/EnumEvent_Update" } }
        })
    );
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["EnumEvent_Update"], schema::<EnumEvent<Update>>());
    // It comes from the types that the variants refer to.
    assert_eq!(schemas["Price"], price);
}

#[test]
fn each_variant_is_an_event_type() {
    let named = |name| json!({ "type": "string", "enum": [name] });
    let both = &["event", "data"][..];
    let content = json!({
        "type": "object",
        "description": "An order was created.",
        "required": ["id"],
        "properties": { "id": { "type": "integer", "format": "int64", "minimum": 0 } }
    });
    let mut created = event(named("created"), both, content);
    created["description"] = json!("An order was created.");
    let price = json!({ "$ref": "#/components/schemas/Price" });
    let pair = json!({
        "type": "array",
        "items": { "type": "integer", "format": "int32", "minimum": 0 },
        "minItems": 2,
        "maxItems": 2
    });
    let expected = [
        created,
        event(named("priced"), both, price),
        event(named("message"), &["data"], json!({ "type": "string" })),
        event(named("pair"), both, pair),
        event(named("all_shipped"), both, json!({ "type": "null" })),
    ];
    assert_eq!(schema::<EnumEvent<Update>>(), json!({ "oneOf": expected }));
    let expected = ["Red", "Green"].map(|name| event(named(name), both, json!({ "type": "null" })));
    assert_eq!(schema::<EnumEvent<Light>>(), json!({ "oneOf": expected }));
}

#[test]
fn other_schemas_than_those_of_enums_panic() {
    #[derive(ToSchema)]
    #[serde(tag = "type")]
    #[allow(dead_code, reason = "only its schema is used")]
    enum Tagged {
        A { x: u8 },
    }
    #[derive(ToSchema)]
    #[serde(tag = "type", content = "data")]
    #[allow(dead_code, reason = "only its schema is used")]
    enum Adjacent {
        A(u8),
        B,
    }
    #[derive(ToSchema)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum Untagged {
        A(u8),
        B(String),
    }
    for schema in [
        EnumEvent::<Price>::schema,
        EnumEvent::<Tagged>::schema,
        EnumEvent::<Adjacent>::schema,
        EnumEvent::<Untagged>::schema,
        EnumEvent::<String>::schema,
    ] {
        assert!(std::panic::catch_unwind(schema).is_err());
    }
}
