use sse_hub::{InvalidTopic, TopicFilters};

use crate::{Compatibility, Limits, Matcher, MatcherType, Matchers, RequestError, parameters};

/// Prefix of the names of all parameters that are reserved for matchers.
const NAMESPACE: &str = "match";

/// Parameters of a subscriber: its matchers, and the ID of the last event that it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionRequest {
    /// Topic matchers, in the order of the request and without duplicates: 1 to 64.
    pub matchers: Vec<Matcher>,
    /// Value of the parameter `last_event_id`. The header `Last-Event-ID` takes precedence over it.
    pub last_event_id: Option<String>,
}

impl SubscriptionRequest {
    /// Parses the query and, for a request with the method `QUERY`, the body.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no matcher, if there are more than 64, or if a parameter is not valid.
    //
    // > The hub MUST then take the union of the two: every name/value pair from the query component and every pair from
    // > the body … `last_event_id` is single-valued: if it appears in both, the hub MUST use the value from the query
    // > component.
    pub fn parse(
        matchers: &Matchers,
        limits: &Limits,
        query: &str,
        body: Option<&[u8]>,
    ) -> Result<Self, RequestError> {
        let mut this = Self {
            matchers: Vec::new(),
            last_event_id: None,
        };
        let compatibility = matchers.compatibility();
        let body = parameters::parse(body.unwrap_or_default())?;
        for (name, value) in parameters::parse(query.as_bytes())?.chain(body) {
            if compatibility.last_event_id_parameters().contains(&&*name) {
                this.last_event_id.get_or_insert_with(|| value.into_owned());
                continue;
            }
            let Some(matcher_type) = matcher_type(&name, compatibility)? else {
                continue;
            };
            let matcher = matchers.compile(matcher_type, &value, limits);
            let matcher = matcher.map_err(|error| RequestError::Matcher {
                name: name.into_owned(),
                error,
            })?;
            if this.matchers.contains(&matcher) {
                continue;
            }
            if this.matchers.len() == Limits::MATCHERS {
                return Err(RequestError::TooManyMatchers);
            }
            this.matchers.push(matcher);
        }
        match this.matchers.is_empty() {
            true => Err(RequestError::NoMatcher),
            false => Ok(this),
        }
    }

    /// Returns the topic filters for the hub.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if there are no matchers, or more than 64.
    pub fn filters(&self) -> Result<TopicFilters, InvalidTopic> {
        TopicFilters::from_filters(self.matchers.iter().map(|matcher| matcher.filter().clone()))
    }
}

/// Returns the matcher type that a parameter selects. `None` for a parameter that is not a matcher.
//
// > A request using a parameter name in the reserved `match` namespace (a name equal to `match`, or beginning with
// > `match` under an ASCII case-insensitive comparison) that does not correspond to a matcher type supported by the hub
// > MUST be rejected with a 400 "Bad Request" HTTP status code.
fn matcher_type(
    name: &str,
    compatibility: Compatibility,
) -> Result<Option<MatcherType>, RequestError> {
    if compatibility.template_parameter() == Some(name) {
        return Ok(Some(MatcherType::UriTemplate));
    }
    let start = name.as_bytes().get(..NAMESPACE.len()).unwrap_or_default();
    if !start.eq_ignore_ascii_case(NAMESPACE.as_bytes()) {
        return Ok(None);
    }
    let found = match name.strip_prefix(NAMESPACE) {
        Some("") => Some(MatcherType::default()),
        Some(rest) => rest.strip_prefix('_').and_then(MatcherType::from_name),
        None => None,
    };
    match found {
        Some(found) => Ok(Some(found)),
        None => Err(RequestError::UnknownMatcherType(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HubUrl;

    fn parse(query: &str, body: Option<&str>) -> Result<SubscriptionRequest, RequestError> {
        let hub = HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap();
        let body = body.map(str::as_bytes);
        SubscriptionRequest::parse(&Matchers::new(hub), &Limits::default(), query, body)
    }

    fn pairs(request: &SubscriptionRequest) -> Vec<(MatcherType, &str)> {
        let matchers = request.matchers.iter();
        matchers
            .map(|matcher| (matcher.matcher_type(), matcher.as_str()))
            .collect()
    }

    #[test]
    fn the_name_of_a_parameter_is_the_type_of_a_matcher() {
        let query =
            "match=a&match_exact=b%26c&match_urlpattern=%2Fd%2F%3Aid&match=a&other=x&match=e+f";
        let request = parse(query, None).unwrap();
        let expected = [
            (MatcherType::Exact, "a"),
            (MatcherType::Exact, "b&c"),
            (MatcherType::UrlPattern, "/d/:id"),
            (MatcherType::Exact, "e f"),
        ];
        assert_eq!(pairs(&request), expected);
        assert_eq!(request.last_event_id, None);
        assert_eq!(request.filters().unwrap().iter().len(), 4);
    }

    #[test]
    fn clients_of_draft_7_use_other_names() {
        let hub = HubUrl::new("https://hub.example.com/.well-known/mercure").unwrap();
        let matchers = Matchers::new(hub).with_compatibility(Compatibility::Draft7);
        let parse = |query: &str| {
            SubscriptionRequest::parse(&matchers, &Limits::default(), query, None).unwrap()
        };
        let request = parse("topic=%2Fa%2F%7Bid%7D&topic=b&topic=*&match=b&match=c&topic=%7B");
        let expected = [
            (MatcherType::UriTemplate, "/a/{id}"),
            (MatcherType::Exact, "b"),
            (MatcherType::UriTemplate, "*"),
            (MatcherType::Exact, "c"),
            (MatcherType::Exact, "{"),
        ];
        assert_eq!(pairs(&request), expected);
        for name in [
            "last_event_id",
            "lastEventID",
            "Last-Event-ID",
            "last-event-id",
            "lastEventId",
            "Last-Event-Id",
        ] {
            let query = format!("topic=a&{name}=1&last_event_id=2");
            assert_eq!(parse(&query).last_event_id.as_deref(), Some("1"), "{name}");
            let current = self::parse(&format!("match=a&{name}=1"), None).unwrap();
            assert_eq!(
                current.last_event_id.is_some(),
                name == "last_event_id",
                "{name}"
            );
        }
        for name in ["lasteventid", "LAST-EVENT-ID", "Topic"] {
            assert_eq!(
                parse(&format!("topic=a&{name}=1")),
                parse("topic=a"),
                "{name}"
            );
        }
        assert!(self::parse("topic=a", None).is_err());
    }

    #[test]
    fn the_namespace_of_matchers_is_reserved() {
        for name in [
            "matching",
            "match_",
            "match_Exact",
            "match_EXACT",
            "match_uritemplate",
            "Match",
            "MATCH",
            "mAtch_exact",
            "match-exact",
            "match_exact_",
            "match%20",
            "matches",
            "match.x",
        ] {
            let error = parse(&format!("match=a&{name}=b"), None).unwrap_err();
            assert!(
                matches!(error, RequestError::UnknownMatcherType(_)),
                "{name}: {error}"
            );
            assert_eq!(error.status(), 400);
        }
        for name in ["matc", "topic", "xmatch", "", "m", "maßch"] {
            assert!(parse(&format!("match=a&{name}=b"), None).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_request_without_a_valid_matcher_is_refused() {
        for (query, expected) in [
            ("", "no topic matcher; use match or match_urlpattern"),
            ("topic=a", "no topic matcher; use match or match_urlpattern"),
            ("match", "parameter match is not valid"),
            ("match=", "parameter match is not valid"),
            ("match=%0A", "parameter match is not valid"),
            ("match=%e2%80%8b", "parameter match is not valid"),
            (
                "match_urlpattern=%2F(",
                "parameter match_urlpattern is not valid",
            ),
            ("match=%ff", "a parameter is not UTF-8"),
            ("%ff=a&match=a", "a parameter is not UTF-8"),
        ] {
            assert_eq!(
                parse(query, None).unwrap_err().to_string(),
                expected,
                "{query}"
            );
        }
        let many = |count: usize| {
            (0..count)
                .map(|index| format!("match={index}&"))
                .collect::<String>()
        };
        assert_eq!(pairs(&parse(&many(64), None).unwrap()).len(), 64);
        assert_eq!(
            parse(&many(65), None).unwrap_err(),
            RequestError::TooManyMatchers
        );
        let long = format!("match={}", "a".repeat(1025));
        assert_eq!(parse(&long, None).unwrap_err().status(), 400);
    }

    #[test]
    fn a_body_adds_parameters_to_the_query() {
        let request = parse(
            "match=a&last_event_id=1",
            Some("match=b&match=a&last_event_id=2"),
        );
        let request = request.unwrap();
        assert_eq!(pairs(&request).len(), 2);
        assert_eq!(request.last_event_id.as_deref(), Some("1"));
        let request = parse("", Some("match=b&last_event_id=2")).unwrap();
        assert_eq!(request.last_event_id.as_deref(), Some("2"));
        assert!(parse("match=a", Some("Match=b")).is_err());
        assert!(parse("match=a", Some("match=%ff")).is_err());
    }
}
