use serde_json::Value;
use sse_hub::{Topic, TopicFilters};

use crate::{Limits, Matcher};

/// Maximum number of grants of a token.
pub(crate) const MAX_GRANTS: usize = Limits::MATCHERS;

/// Actions that an access token allows, each on some topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    grants: Vec<Grant>,
    /// Data for the documents about the subscriptions for which no grant has data.
    default_payload: Option<Value>,
}

/// Actions on some topics, from one authorization detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) publish: bool,
    pub(crate) subscribe: bool,
    pub(crate) topics: Vec<Matcher>,
    /// Data for the documents about the subscriptions of the client.
    pub(crate) payload: Option<Value>,
}

impl Grants {
    pub(crate) fn add(&mut self, grant: Grant) {
        self.grants.push(grant);
    }

    pub(crate) fn set_default_payload(&mut self, payload: Option<Value>) {
        self.default_payload = payload;
    }

    pub(crate) fn len(&self) -> usize {
        self.grants.len()
    }

    /// Returns whether each action has at most as many topics as a subscription may have filters.
    pub(crate) fn are_within_limits(&self) -> bool {
        let topics = |grants: &dyn Fn(&&Grant) -> bool| {
            self.grants
                .iter()
                .filter(grants)
                .map(|grant| grant.topics.len())
                .sum::<usize>()
        };
        topics(&|grant| grant.publish) <= Limits::MATCHERS
            && topics(&|grant| grant.subscribe) <= Limits::MATCHERS
    }

    /// Returns whether the token allows publishing to this topic.
    pub fn can_publish(&self, topic: &Topic) -> bool {
        let mut publish = self.grants.iter().filter(|grant| grant.publish);
        publish.any(|grant| grant.matches(topic))
    }

    /// Returns whether the token allows reading private updates of this topic.
    pub fn can_subscribe(&self, topic: &Topic) -> bool {
        self.subscribe().any(|grant| grant.matches(topic))
    }

    /// Returns the filters for the topics whose private updates the token allows to read. `None` without such topics.
    pub fn subscribe_filters(&self) -> Option<TopicFilters> {
        let topics = self.subscribe().flat_map(|grant| &grant.topics);
        TopicFilters::from_filters(topics.map(|matcher| matcher.filter().clone())).ok()
    }

    /// Returns the payload for the subscription with this matcher.
    //
    // > The `payload` of the first `subscribe` authorization detail whose `topics` matches the subscription's own matcher
    // > MUST be included … Matching here treats the subscription's own matcher string as if it were a topic.
    pub fn payload(&self, matcher: &Matcher) -> Option<&Value> {
        let topic = Topic::opaque(matcher.as_str()).ok()?;
        let first = self.subscribe().find(|grant| grant.matches(&topic));
        let payload = first.and_then(|grant| grant.payload.as_ref());
        payload.or(self.default_payload.as_ref())
    }

    fn subscribe(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(|grant| grant.subscribe)
    }
}

impl Grant {
    fn matches(&self, topic: &Topic) -> bool {
        self.topics.iter().any(|matcher| matcher.matches(topic))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{HubUrl, MatcherType, Matchers, authorization_details};

    #[test]
    fn the_first_matching_detail_has_the_payload() {
        let hub = HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap();
        let matchers = Matchers::new(hub);
        let detail = |actions: &str, topic: Value, payload: Option<u32>| {
            let mut detail = json!({
                "type": authorization_details::DETAIL_TYPE,
                "actions": [actions],
                "topics": [topic],
            });
            if let Some(payload) = payload {
                detail["payload"] = json!({"number": payload});
            }
            detail
        };
        let pattern = json!({"match": "https://example.com/bar/:id", "match_type": "urlpattern"});
        let details = vec![
            detail("publish", json!({"match": "*"}), Some(0)),
            detail(
                "subscribe",
                json!({"match": "https://example.com/foo"}),
                Some(1),
            ),
            detail("subscribe", pattern, Some(2)),
            detail("subscribe", json!({"match": "none"}), None),
            detail("subscribe", json!({"match": "*"}), Some(3)),
        ];
        let grants = authorization_details::parse(&matchers, &Limits::default(), details).unwrap();
        for (matcher_type, value, expected) in [
            (MatcherType::Exact, "https://example.com/foo", Some(1)),
            (MatcherType::UrlPattern, "https://example.com/foo", Some(1)),
            (
                MatcherType::UrlPattern,
                "https://example.com/bar/:id",
                Some(2),
            ),
            (MatcherType::Exact, "https://example.com/bar/17", Some(2)),
            (MatcherType::Exact, "none", None),
            (MatcherType::Exact, "other", Some(3)),
            (MatcherType::Exact, "*", Some(3)),
        ] {
            let matcher = matchers
                .compile(matcher_type, value, &Limits::default())
                .unwrap();
            let payload = grants
                .payload(&matcher)
                .and_then(|payload| payload["number"].as_u64());
            assert_eq!(payload, expected, "{value}");
        }
    }
}
