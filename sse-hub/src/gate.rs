//! Check of all events, whether they come from a publisher of this hub or from the backend.

use crate::{HubConfig, Publication, PublishError};

impl HubConfig {
    /// Checks an event before it is published, kept or sent.
    pub(crate) fn check(&self, post: &Publication) -> Result<(), PublishError> {
        let event_type = post.event_type();
        let (bytes, limit) = (event_type.len(), self.max_type);
        if bytes > limit {
            return Err(PublishError::TypeTooLong { bytes, limit });
        }
        if self.is_reserved(event_type) {
            return Err(PublishError::ReservedType(event_type.to_owned()));
        }
        let (bytes, limit) = (post.key.as_ref().map_or(0, |key| key.len()), self.max_key);
        if bytes > limit {
            return Err(PublishError::KeyTooLong { bytes, limit });
        }
        let (bytes, limit) = (post.size(), self.max_event);
        if bytes > limit {
            return Err(PublishError::TooLarge { bytes, limit });
        }
        match post.event.retry() {
            Some(retry) if !self.event_retry.contains(&retry) => Err(PublishError::Retry {
                retry,
                allowed: self.event_retry.clone(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use sse_hyper::{Event, EventType};

    use super::*;
    use crate::Topic;

    fn check(
        settings: &HubConfig,
        change: impl FnOnce(Publication) -> Publication,
    ) -> Result<(), String> {
        let post = Publication::new(Topic::new("t").unwrap(), Event::new("data"));
        settings
            .check(&change(post))
            .map_err(|error| error.to_string())
    }

    fn of_type(event_type: &'static str) -> impl FnOnce(Publication) -> Publication {
        move |mut post| {
            post.event = post.event.with_type(EventType::new(event_type).unwrap());
            post
        }
    }

    #[test]
    fn types_of_the_hub_and_of_browsers_are_refused() {
        let settings = HubConfig::new();
        for name in ["reset", "lagged", "denied", "error", "open"] {
            let refused = Err(format!("event type {name:?} is reserved"));
            assert_eq!(check(&settings, of_type(name)), refused);
        }
        for name in ["message", "Error", "opened", " reset"] {
            assert_eq!(check(&settings, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn reserved_types_may_be_others() {
        let settings = HubConfig::new().reserved_event_types(["closing"]);
        let settings = settings.with_types("r", "l", "d").unwrap();
        for name in ["closing", "r", "l", "d"] {
            assert!(check(&settings, of_type(name)).is_err(), "{name:?}");
        }
        for name in ["error", "open", "reset", "lagged", "denied"] {
            assert_eq!(check(&settings, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn lengths_and_times_have_limits() {
        let settings = HubConfig::new()
            .max_event_type_bytes(3)
            .max_key_bytes(2)
            .max_event_bytes(8);
        let settings = settings.allowed_retry(Duration::from_secs(1)..=Duration::from_secs(9));
        let retry = |it| {
            move |post: Publication| Publication {
                event: post.event.with_retry(Duration::from_millis(it)),
                ..post
            }
        };
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(check(&settings, of_type("abc")), Ok(()));
        assert_eq!(
            check(&settings, of_type("abcd")),
            error("event type is 4 bytes, limit is 3")
        );
        assert_eq!(check(&settings, |post| post.with_key("ab")), Ok(()));
        assert_eq!(
            check(&settings, |post| post.with_key("abc")),
            error("key is 3 bytes, limit is 2")
        );
        assert_eq!(
            check(&settings, |post| of_type("abc")(post.with_key("ab"))),
            error("event is 9 bytes, limit is 8")
        );
        for (time, is_allowed) in [(999, false), (1000, true), (9000, true), (9001, false)] {
            assert_eq!(check(&settings, retry(time)).is_ok(), is_allowed, "{time}");
        }
        assert_eq!(
            check(&settings, retry(u64::MAX)),
            error("reconnection time is 18446744073709551615 ms, allowed is 1000 to 9000 ms")
        );
    }
}
