//! Documents about active subscriptions, and the URLs where they are.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use sse_hub::{Event, EventType, InvalidTopic, Publication, Topic};

use crate::{HubUrl, Matcher, SUBSCRIPTION_EVENT_TYPE};

/// Characters of a path variable that are percent-encoded: all but the unreserved ones.
//
// > per RFC 6570 the value of each variable MUST be percent-encoded exactly once during expansion, encoding the raw
// > matcher or subscriber string as a whole.
const ENCODED_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Event type of the hub's updates.
const EVENT_TYPE: EventType = EventType::from_static(SUBSCRIPTION_EVENT_TYPE);

/// Document about one subscription: a matcher of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SubscriptionDocument {
    /// Path of the document, which is also the topic of the updates about it.
    pub id: String,
    r#type: &'static str,
    /// Name of the matcher's type.
    pub match_type: String,
    /// Value of the matcher.
    pub r#match: String,
    /// Identifier of the connection, which the hub has chosen.
    pub subscriber: String,
    /// The subscription exists.
    pub active: bool,
    /// Payload of the client's access token for this matcher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
}

impl SubscriptionDocument {
    /// Creates the document about an active subscription.
    pub fn new(hub: &HubUrl, matcher: &Matcher, subscriber: &str, payload: Option<&Value>) -> Self {
        let match_type = matcher.matcher_type().name();
        let [value, encoded_subscriber] = [matcher.as_str(), subscriber].map(encode);
        Self {
            id: format!("{}/{match_type}/{value}/{encoded_subscriber}", root(hub)),
            r#type: "subscription",
            match_type: match_type.to_owned(),
            r#match: matcher.as_str().to_owned(),
            subscriber: subscriber.to_owned(),
            active: true,
            payload: payload.cloned(),
        }
    }

    /// Returns the document about the same subscription after its end.
    #[must_use]
    pub fn terminated(self) -> Self {
        Self {
            active: false,
            ..self
        }
    }

    /// Returns the size of the texts of the document in bytes, with the payload as JSON.
    pub fn text_bytes(&self) -> usize {
        let payload = self.payload.as_ref().map(Value::to_string);
        let texts = [&self.id, &self.match_type, &self.r#match, &self.subscriber];
        texts.into_iter().chain(&payload).map(String::len).sum()
    }

    /// Returns the document in JSON.
    pub fn to_json(&self) -> String {
        // Texts and JSON values can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the private update about this subscription.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if the path is longer than 4096 bytes.
    pub fn publication(&self) -> Result<Publication, InvalidTopic> {
        let topic = Topic::opaque(&self.id)?;
        let event = Event::new(self.to_json()).with_type(EVENT_TYPE);
        Ok(Publication::new(topic, event).with_private(true))
    }

    /// Returns the JSON of a collection of documents, which has this path. The documents may be JSON values, for example
    /// those of another node.
    pub fn collection<D: Serialize>(path: &str, documents: &[D]) -> String {
        #[derive(Serialize)]
        struct Collection<'a, D> {
            id: &'a str,
            r#type: &'static str,
            subscriptions: &'a [D],
        }

        let collection = Collection {
            id: path,
            r#type: "subscriptions",
            subscriptions: documents,
        };
        serde_json::to_string(&collection).unwrap_or_default()
    }
}

/// Subscriptions that a URL of the subscription API selects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionScope {
    /// All subscriptions.
    All,
    /// The subscriptions with this matcher.
    Matcher {
        /// Name of the matcher's type.
        match_type: String,
        /// Value of the matcher.
        value: String,
    },
    /// One subscription.
    One {
        /// Name of the matcher's type.
        match_type: String,
        /// Value of the matcher.
        value: String,
        /// Identifier of the subscriber.
        subscriber: String,
    },
}

impl SubscriptionScope {
    /// Parses the path of a request. `None` if it is not a path of the subscription API.
    pub fn from_path(hub: &HubUrl, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(&root(hub))?;
        let Some(rest) = rest.strip_prefix('/') else {
            return rest.is_empty().then_some(Self::All);
        };
        let variables: Option<Vec<_>> = rest.split('/').map(decode).collect();
        match <[String; 2]>::try_from(variables?) {
            Ok([match_type, value]) => Some(Self::Matcher { match_type, value }),
            Err(variables) => match <[String; 3]>::try_from(variables) {
                Ok([match_type, value, subscriber]) => Some(Self::One {
                    match_type,
                    value,
                    subscriber,
                }),
                Err(_) => None,
            },
        }
    }

    /// Returns whether the scope has this subscription.
    pub fn contains(&self, document: &SubscriptionDocument) -> bool {
        let is_same = |match_type: &str, value: &str| {
            document.match_type == match_type && document.r#match == value
        };
        match self {
            Self::All => true,
            Self::Matcher { match_type, value } => is_same(match_type, value),
            Self::One {
                match_type,
                value,
                subscriber,
            } => is_same(match_type, value) && document.subscriber == *subscriber,
        }
    }
}

fn root(hub: &HubUrl) -> String {
    format!("{}/subscriptions", hub.path())
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, ENCODED_CHARACTERS).to_string()
}

fn decode(variable: &str) -> Option<String> {
    let decoded = percent_decode_str(variable).decode_utf8().ok()?;
    (!decoded.is_empty()).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Limits, MatcherType, Matchers};

    fn hub() -> HubUrl {
        HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap()
    }

    fn document(matcher_type: MatcherType, value: &str) -> SubscriptionDocument {
        let matchers = Matchers::new(hub());
        let matcher = matchers
            .compile(matcher_type, value, &Limits::default())
            .unwrap();
        SubscriptionDocument::new(&hub(), &matcher, "urn:uuid:1", None)
    }

    #[test]
    fn a_document_is_that_of_the_draft() {
        let mut document = document(MatcherType::UrlPattern, "https://example.com/:selector");
        document.payload = Some(json!({"foo": "bar"}));
        let id = "/.well-known/mercure/subscriptions/urlpattern/\
                  https%3A%2F%2Fexample.com%2F%3Aselector/urn%3Auuid%3A1";
        let expected = json!({
            "id": id,
            "type": "subscription",
            "match_type": "urlpattern",
            "match": "https://example.com/:selector",
            "subscriber": "urn:uuid:1",
            "active": true,
            "payload": {"foo": "bar"},
        });
        assert_eq!(
            serde_json::from_str::<Value>(&document.to_json()).unwrap(),
            expected
        );
        let publication = document.clone().terminated().publication().unwrap();
        assert!(publication.private && hub().is_reserved(id));
        assert_eq!(publication.event.event_type(), "mercure");
        assert!(publication.event.data().contains(r#""active":false"#));
        let collection = SubscriptionDocument::collection("/x", &[&document]);
        let expected = json!({"id": "/x", "type": "subscriptions", "subscriptions": [expected]});
        assert_eq!(
            serde_json::from_str::<Value>(&collection).unwrap(),
            expected
        );
    }

    #[test]
    fn values_are_encoded_once_and_come_back() {
        for value in ["a", "100%", "%2F", "a/b?c#d", "é豆腐", "{x}", "a b", "*"] {
            let document = document(MatcherType::Exact, value);
            let scope = SubscriptionScope::from_path(&hub(), &document.id).unwrap();
            assert!(scope.contains(&document), "{value}");
            let (parent, _) = document.id.rsplit_once('/').unwrap();
            let scope = SubscriptionScope::from_path(&hub(), parent).unwrap();
            assert!(scope.contains(&document), "{value}");
        }
        assert!(document(MatcherType::Exact, "%2F").id.contains("/%252F/"));
    }

    #[test]
    fn other_paths_are_none_of_the_api() {
        let parse = |path: &str| {
            SubscriptionScope::from_path(&hub(), &format!("/.well-known/mercure{path}"))
        };
        assert_eq!(parse("/subscriptions"), Some(SubscriptionScope::All));
        for path in [
            "",
            "/",
            "/subscriptions/",
            "/subscriptions/exact",
            "/subscriptions/exact/",
            "/subscriptions/exact/a/",
            "/subscriptions/exact/a/b/c",
            "/subscriptions/exact/%ff",
            "/subscriptionsx",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        let one = document(MatcherType::Exact, "a");
        for (path, expected) in [
            ("/subscriptions/exact/a", true),
            ("/subscriptions/exact/b", false),
            ("/subscriptions/Exact/a", false),
            ("/subscriptions/urlpattern/a", false),
            ("/subscriptions/exact/a/urn:uuid:1", true),
            ("/subscriptions/exact/a/urn:uuid:2", false),
        ] {
            assert_eq!(parse(path).unwrap().contains(&one), expected, "{path}");
        }
    }
}
