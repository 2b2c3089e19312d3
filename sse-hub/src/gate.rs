//! Check of all events, whether they come from a publisher of this hub or from the backend.

use crate::{HubConfig, Publication, PublishError};

impl HubConfig {
    /// Checks an event before it is published, kept or sent.
    pub(crate) fn check(&self, publication: &Publication) -> Result<(), PublishError> {
        let event_type = publication.event_type();
        let (bytes, limit) = (event_type.len(), self.max_type);
        if bytes > limit {
            return Err(PublishError::TypeTooLong { bytes, limit });
        }
        if self.is_reserved(event_type) {
            return Err(PublishError::ReservedType(event_type.to_owned()));
        }
        let (bytes, limit) = (
            publication.key.as_ref().map_or(0, |key| key.len()),
            self.max_key,
        );
        if bytes > limit {
            return Err(PublishError::KeyTooLong { bytes, limit });
        }
        let (bytes, limit) = (publication.size(), self.max_event);
        if bytes > limit {
            return Err(PublishError::TooLarge { bytes, limit });
        }
        match publication.event.retry() {
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
        config: &HubConfig,
        change: impl FnOnce(Publication) -> Publication,
    ) -> Result<(), String> {
        let publication = Publication::new(Topic::new("t").unwrap(), Event::new("data"));
        config
            .check(&change(publication))
            .map_err(|error| error.to_string())
    }

    fn of_type(event_type: &'static str) -> impl FnOnce(Publication) -> Publication {
        move |mut publication| {
            publication.event = publication
                .event
                .with_type(EventType::new(event_type).unwrap());
            publication
        }
    }

    #[test]
    fn types_of_the_hub_and_of_browsers_are_refused() {
        let config = HubConfig::new();
        for name in ["reset", "lagged", "denied", "error", "open"] {
            let refused = Err(format!("event type {name:?} is reserved"));
            assert_eq!(check(&config, of_type(name)), refused);
        }
        for name in ["message", "Error", "opened", " reset"] {
            assert_eq!(check(&config, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn reserved_types_may_be_others() {
        let config = HubConfig::new().reserved_event_types(["closing"]);
        let config = config.with_types("r", "l", "d").unwrap();
        for name in ["closing", "r", "l", "d"] {
            assert!(check(&config, of_type(name)).is_err(), "{name:?}");
        }
        for name in ["error", "open", "reset", "lagged", "denied"] {
            assert_eq!(check(&config, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn lengths_and_times_have_limits() {
        let config = HubConfig::new()
            .max_event_type_bytes(3)
            .max_key_bytes(2)
            .max_event_bytes(8);
        let config = config.allowed_retry(Duration::from_secs(1)..=Duration::from_secs(9));
        let retry = |it| {
            move |publication: Publication| Publication {
                event: publication.event.with_retry(Duration::from_millis(it)),
                ..publication
            }
        };
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(check(&config, of_type("abc")), Ok(()));
        assert_eq!(
            check(&config, of_type("abcd")),
            error("event type is 4 bytes, limit is 3")
        );
        assert_eq!(
            check(&config, |publication| publication.with_key("ab")),
            Ok(())
        );
        assert_eq!(
            check(&config, |publication| publication.with_key("abc")),
            error("key is 3 bytes, limit is 2")
        );
        assert_eq!(
            check(&config, |publication| of_type("abc")(
                publication.with_key("ab")
            )),
            error("event is 9 bytes, limit is 8")
        );
        for (time, is_allowed) in [(999, false), (1000, true), (9000, true), (9001, false)] {
            assert_eq!(check(&config, retry(time)).is_ok(), is_allowed, "{time}");
        }
        assert_eq!(
            check(&config, retry(u64::MAX)),
            error("reconnection time is 18446744073709551615 ms, allowed is 1000 to 9000 ms")
        );
    }
}
