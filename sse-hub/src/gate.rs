//! The one gate of all events, whether they come from a publisher here or from the backend.

use crate::{Post, PublishError, Settings};

impl Settings {
    /// Checks an event before it is published, kept or sent.
    pub(crate) fn check(&self, post: &Post) -> Result<(), PublishError> {
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

    fn check(settings: &Settings, change: impl FnOnce(Post) -> Post) -> Result<(), String> {
        let post = Post::new(Topic::new("t").unwrap(), Event::new("data"));
        settings
            .check(&change(post))
            .map_err(|error| error.to_string())
    }

    fn of_type(event_type: &'static str) -> impl FnOnce(Post) -> Post {
        move |mut post| {
            post.event = post.event.with_type(EventType::new(event_type).unwrap());
            post
        }
    }

    #[test]
    fn types_of_the_hub_and_of_browsers_are_refused() {
        let settings = Settings::new();
        for name in ["reset", "lagged", "denied", "position", "error", "open"] {
            let refused = Err(format!("event type {name:?} is reserved"));
            assert_eq!(check(&settings, of_type(name)), refused);
        }
        for name in ["message", "Error", "opened", " reset"] {
            assert_eq!(check(&settings, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn reserved_types_may_be_others() {
        let settings = Settings::new().with_reserved_types(["closing"]);
        let settings = settings.with_types("r", "l", "d").unwrap();
        for name in ["closing", "r", "l", "d", "position"] {
            assert!(check(&settings, of_type(name)).is_err(), "{name:?}");
        }
        for name in ["error", "open", "reset", "lagged", "denied"] {
            assert_eq!(check(&settings, of_type(name)), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn lengths_and_times_have_limits() {
        let settings = Settings::new()
            .with_max_type(3)
            .with_max_key(2)
            .with_max_event(8);
        let settings = settings.with_event_retry(Duration::from_secs(1)..=Duration::from_secs(9));
        let retry = |it| {
            move |post: Post| Post {
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
