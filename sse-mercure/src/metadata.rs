use serde::Serialize;

use crate::{HubUrl, MatcherType, authorization_details::DETAIL_TYPE};

/// Path before that of a resource, where its metadata are.
const WELL_KNOWN_PATH: &str = "/.well-known/oauth-protected-resource";

/// Metadata of the hub as a protected resource, [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728).
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ResourceMetadata {
    /// Resource identifier of the hub: the claim `aud` of its tokens.
    pub resource: String,
    /// Authorization servers that issue tokens for the hub. An empty list is not sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<String>,
    authorization_details_types_supported: [&'static str; 1],
    bearer_methods_supported: [&'static str; 1],
    /// Name of the cookie with the access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mercure_cookie: Option<String>,
    mercure_matcher_types_supported: Vec<&'static str>,
    /// The hub implements active subscriptions. Not sent if it does not.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub mercure_subscriptions: bool,
}

impl ResourceMetadata {
    /// Creates the metadata of a hub with this resource identifier, without authorization servers, cookie or active
    /// subscriptions.
    pub fn new(resource: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            authorization_servers: Vec::new(),
            authorization_details_types_supported: [DETAIL_TYPE],
            bearer_methods_supported: ["header"],
            mercure_cookie: None,
            mercure_matcher_types_supported: MatcherType::ALL.map(MatcherType::name).into(),
            mercure_subscriptions: false,
        }
    }

    /// Returns the path of the metadata of a hub.
    pub fn path(hub: &HubUrl) -> String {
        format!("{WELL_KNOWN_PATH}{}", hub.path())
    }

    /// Returns the document in JSON.
    pub fn to_json(&self) -> String {
        // Texts and flags can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn optional_members_are_left_out() {
        let mut metadata = ResourceMetadata::new("https://hub.example.com/.well-known/mercure");
        let parse = |metadata: &ResourceMetadata| -> Value {
            serde_json::from_str(&metadata.to_json()).unwrap()
        };
        let mut expected = json!({
            "resource": "https://hub.example.com/.well-known/mercure",
            "authorization_details_types_supported": ["https://mercure.rocks/authorization-detail"],
            "bearer_methods_supported": ["header"],
            "mercure_matcher_types_supported": ["exact", "urlpattern"],
        });
        assert_eq!(parse(&metadata), expected);
        metadata
            .authorization_servers
            .push("https://idp.example".to_owned());
        metadata.mercure_cookie = Some("token".to_owned());
        metadata.mercure_subscriptions = true;
        expected["authorization_servers"] = json!(["https://idp.example"]);
        expected["mercure_cookie"] = json!("token");
        expected["mercure_subscriptions"] = json!(true);
        assert_eq!(parse(&metadata), expected);
    }

    #[test]
    fn the_path_follows_that_of_the_hub() {
        let path = |url| ResourceMetadata::path(&HubUrl::new(url).unwrap());
        assert_eq!(
            path("https://hub.example.com/.well-known/mercure"),
            "/.well-known/oauth-protected-resource/.well-known/mercure"
        );
        assert_eq!(
            path("http://a.example/b/c"),
            "/.well-known/oauth-protected-resource/b/c"
        );
    }
}
