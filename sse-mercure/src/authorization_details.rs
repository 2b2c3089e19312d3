//! The claim `authorization_details` of an access token.
//!
//! > A Mercure authorization detail object MUST have a `type` property whose value is the string
//! > `https://mercure.rocks/authorization-detail`, compared byte by byte; MUST have an `actions` property: a non-empty
//! > JSON array of strings; MUST have a `topics` property: a non-empty JSON array of topic matcher objects; MAY have a
//! > `payload` property (a JSON object).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Grants, Limits, MatcherType, Matchers,
    grants::{Grant, MAX_GRANTS},
};

/// Type of the authorization details that the hub understands.
pub(crate) const DETAIL_TYPE: &str = "https://mercure.rocks/authorization-detail";

/// Mercure authorization detail.
#[derive(Deserialize)]
struct Detail {
    actions: Vec<String>,
    topics: Vec<TopicMatcher>,
    #[serde(default)]
    payload: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct TopicMatcher {
    r#match: String,
    #[serde(default = "default_type")]
    match_type: String,
}

fn default_type() -> String {
    MatcherType::default().name().to_owned()
}

/// Parses the claim. Details of other types grant nothing. `None` if a Mercure detail is not valid or exceeds a limit.
//
// > If any Mercure authorization detail fails to parse or validate, the hub MUST reject the token the same way and MUST
// > NOT act on the basis of the remaining entries.
pub(crate) fn parse(matchers: &Matchers, limits: &Limits, details: Vec<Value>) -> Option<Grants> {
    let mut grants = Grants::default();
    for detail in details {
        if detail.as_object()?.get("type").and_then(Value::as_str) != Some(DETAIL_TYPE) {
            continue;
        }
        let detail = Detail::deserialize(detail).ok()?;
        if detail.actions.is_empty() || detail.topics.is_empty() || grants.len() == MAX_GRANTS {
            return None;
        }
        let mut topics = Vec::new();
        for TopicMatcher {
            r#match,
            match_type,
        } in &detail.topics
        {
            let matcher_type = MatcherType::from_name(match_type);
            // The wildcard has its meaning whatever the type, but the type must be known.
            topics.push(matchers.compile(matcher_type?, r#match, limits).ok()?);
        }
        // > Hubs MUST ignore action values they do not recognize.
        let has_action = |action: &str| detail.actions.iter().any(|known| known == action);
        grants.add(Grant {
            publish: has_action("publish"),
            subscribe: has_action("subscribe"),
            topics,
            payload: detail.payload.map(Value::Object),
        });
    }
    grants.are_within_limits().then_some(grants)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::HubUrl;
    use sse_hub::Topic;

    fn parse(details: Value) -> Option<Grants> {
        let hub = HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap();
        let Value::Array(details) = details else {
            panic!("an array");
        };
        super::parse(&Matchers::new(hub), &Limits::default(), details)
    }

    fn with(change: impl FnOnce(&mut Value)) -> Option<Grants> {
        let mut detail = json!({
            "type": DETAIL_TYPE,
            "actions": ["publish", "subscribe"],
            "topics": [{"match": "a"}],
            "unknown": 1,
        });
        change(&mut detail);
        parse(json!([{"type": "other", "actions": 3}, detail]))
    }

    fn topic(text: &str) -> Topic {
        Topic::opaque(text).unwrap()
    }

    #[test]
    fn a_detail_grants_actions_on_topics() {
        let grants = parse(json!([
            {"type": DETAIL_TYPE, "actions": ["publish"], "topics": [{"match": "a"}]},
            {"type": DETAIL_TYPE, "actions": ["subscribe", "admin"], "topics": [
                {"match": "https://example.com/:id", "match_type": "urlpattern"},
                {"match": "b", "match_type": "exact"},
            ]},
        ]))
        .unwrap();
        assert!(grants.can_publish(&topic("a")) && !grants.can_publish(&topic("b")));
        let readable = grants.subscribe_filters().unwrap();
        assert!(readable.matches(&topic("b")) && readable.matches(&topic("https://example.com/1")));
        assert!(!readable.matches(&topic("a")));
    }

    #[test]
    fn the_wildcard_grants_all_topics_for_each_type() {
        for entry in [
            json!({"match": "*"}),
            json!({"match": "*", "match_type": "exact"}),
            json!({"match": "*", "match_type": "urlpattern"}),
        ] {
            let grants = with(|detail| detail["topics"] = json!([entry])).unwrap();
            assert!(grants.can_publish(&topic("any")));
        }
    }

    #[test]
    fn tokens_without_mercure_details_grant_nothing() {
        for details in [
            json!([]),
            json!([{"type": "https://mercure.rocks/Authorization-Detail"}]),
            json!([{"actions": ["publish"], "topics": [{"match": "*"}]}]),
        ] {
            let grants = parse(details).unwrap();
            assert!(!grants.can_publish(&topic("a")) && grants.subscribe_filters().is_none());
        }
        let unknown = with(|detail| detail["actions"] = json!(["Publish", "delete"])).unwrap();
        assert!(!unknown.can_publish(&topic("a")) && unknown.subscribe_filters().is_none());
    }

    #[test]
    fn one_invalid_detail_rejects_the_token() {
        assert!(with(|_| {}).is_some());
        for (name, value) in [
            ("actions", json!([])),
            ("actions", json!("publish")),
            ("actions", json!(["publish", 1])),
            ("actions", json!(null)),
            ("topics", json!([])),
            ("topics", json!("a")),
            ("topics", json!(["a"])),
            ("topics", json!([{"match": "a"}, {}])),
            ("topics", json!([{"match": 1}])),
            ("topics", json!([{"match": ""}])),
            ("topics", json!([{"match": "a\n"}])),
            ("topics", json!([{"match": "a".repeat(1025)}])),
            ("topics", json!([{"match": "a", "match_type": "Exact"}])),
            ("topics", json!([{"match": "*", "match_type": "regex"}])),
            ("topics", json!([{"match": "a", "match_type": null}])),
            (
                "topics",
                json!([{"match": "/(", "match_type": "urlpattern"}]),
            ),
            ("payload", json!("text")),
            ("payload", json!([1])),
        ] {
            let grants = with(|detail| detail[name] = value.clone());
            assert!(grants.is_none(), "{name}: {value}");
        }
        assert!(parse(json!([1])).is_none() && parse(json!([[]])).is_none());
    }

    #[test]
    fn the_numbers_of_details_and_topics_have_limits() {
        let topics = |count: usize| -> Value {
            (0..count)
                .map(|index| json!({"match": index.to_string()}))
                .collect()
        };
        assert!(with(|detail| detail["topics"] = topics(64)).is_some());
        assert!(with(|detail| detail["topics"] = topics(65)).is_none());
        let details = |count: usize| -> Value {
            let detail =
                json!({"type": DETAIL_TYPE, "actions": ["publish"], "topics": [{"match": "a"}]});
            (0..count).map(|_| detail.clone()).collect()
        };
        assert!(parse(details(64)).is_some() && parse(details(65)).is_none());
    }
}
