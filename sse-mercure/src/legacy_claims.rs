//! Claims of tokens for drafts up to 7.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Number, Value};

use crate::{Grants, Limits, MatcherType, Matchers, grants::Grant};

/// Claims of a token, of which those for drafts up to 7 count.
#[derive(Deserialize)]
pub(crate) struct LegacyClaims {
    #[serde(rename = "iss")]
    pub(crate) issuer: Option<String>,
    #[serde(rename = "sub")]
    pub(crate) subject: Option<String>,
    #[serde(rename = "exp")]
    pub(crate) expires_at: Option<Number>,
    mercure: Option<MercureClaim>,
    /// Claim with a name that no other specification can have. It takes precedence over the other one.
    #[serde(rename = "https://mercure.rocks/")]
    namespaced: Option<MercureClaim>,
    authorization_details: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct MercureClaim {
    publish: Option<Vec<String>>,
    subscribe: Option<Vec<String>>,
    payload: Option<Value>,
}

impl LegacyClaims {
    /// Returns whether the token is for a draft up to 7. A token that also has the claim of the current draft is not.
    pub(crate) fn are_legacy(&self) -> bool {
        let has_claim = self.mercure.is_some() || self.namespaced.is_some();
        has_claim && self.authorization_details.is_none()
    }

    /// Returns what the token allows. `None` if a topic selector is not valid, or if there are too many.
    pub(crate) fn into_grants(self, matchers: &Matchers, limits: &Limits) -> Option<Grants> {
        let mut grants = Grants::default();
        let Some(claim) = self.namespaced.or(self.mercure) else {
            return Some(grants);
        };
        let publish = claim.publish.unwrap_or_default();
        let subscribe = claim.subscribe.unwrap_or_default();
        for (selectors, is_publish) in [(publish, true), (subscribe, false)] {
            if selectors.len() > Limits::MATCHERS {
                return None;
            }
            let compile = |text: &String| matchers.compile(MatcherType::UriTemplate, text, limits);
            let topics: Result<Vec<_>, _> = selectors.iter().map(compile).collect();
            grants.add(Grant {
                publish: is_publish,
                subscribe: !is_publish,
                topics: topics.ok()?,
                payload: None,
            });
        }
        grants.set_default_payload(claim.payload);
        Some(grants)
    }
}
