//! Mapping from topics to NATS subjects.
//!
//! An event with one topic has a subject below that of the stream: `sse.events.orders.17` for the topic `orders/17`. So
//! a replay reads only messages of the selected topics. An event with several topics has the subject of the stream
//! itself, which each replay reads.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sse_hub::{TopicFilters, Topics};

/// Characters of a segment that are percent-encoded. In NATS, `.`, `*`, `>` and white space have a meaning.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Encoding of an empty segment. No other segment is encoded like this.
const EMPTY_SEGMENT: &str = "%";

/// Maximum number of subjects that a replay reads one by one, each with its own consumer. If there are more, it reads
/// all messages.
const MAX_FILTERS: usize = 8;

/// Returns the subject of an event with these topics.
pub(crate) fn of_event(stream: &str, topics: &Topics) -> String {
    let mut topics = topics.iter();
    match (topics.next(), topics.next()) {
        (Some(topic), None) => below(stream, topic.as_str()),
        _ => stream.to_owned(),
    }
}

/// Returns whether an event with these topics may have this subject. Any event may have the subject of the stream
/// itself, because a stream can have only this one.
pub(crate) fn is_of_event(subject: &str, stream: &str, topics: &Topics) -> bool {
    subject == stream || subject == of_event(stream, topics)
}

/// Returns the wildcard for all subjects below that of the stream.
pub(crate) fn all_below(stream: &str) -> String {
    below(stream, "**")
}

/// Returns the subjects that events of these filters can have. `None` if it is better to read all messages.
pub(crate) fn of_filters(stream: &str, filters: &TopicFilters) -> Option<Vec<String>> {
    let filters = filters.iter();
    if filters.len() >= MAX_FILTERS {
        return None;
    }
    let all = all_below(stream);
    let mut subjects = vec![stream.to_owned()];
    for filter in filters {
        let subject = below(stream, filter.as_str());
        if subject == all {
            return None;
        }
        subjects.push(subject);
    }
    Some(subjects)
}

/// Returns the subject of a topic or pattern. Wildcards of a pattern become wildcards of NATS.
fn below(stream: &str, filter: &str) -> String {
    let mut subject = stream.to_owned();
    for segment in filter.split('/') {
        subject.push('.');
        match segment {
            "*" => subject.push('*'),
            "**" => subject.push('>'),
            "" => subject.push_str(EMPTY_SEGMENT),
            segment => subject.extend(utf8_percent_encode(segment, ENCODED)),
        }
    }
    subject
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_topic_has_its_own_subject() {
        let mut subjects = HashSet::new();
        for (topic, expected) in [
            ("a", "s.a"),
            ("a/b-c_d", "s.a.b-c_d"),
            ("a.b", "s.a%2Eb"),
            ("a>", "s.a%3E"),
            (">", "s.%3E"),
            ("%", "s.%25"),
            ("/", "s.%.%"),
            ("a//", "s.a.%.%"),
            ("ü b", "s.%C3%BC%20b"),
        ] {
            let topics = Topics::new([topic]).unwrap();
            let subject = of_event("s", &topics);
            assert_eq!(subject, expected);
            assert!(is_of_event(&subject, "s", &topics) && is_of_event("s", "s", &topics));
            assert!(!is_of_event("s.other", "s", &topics));
            assert!(subjects.insert(subject));
        }
        let several = Topics::new(["a", "b"]).unwrap();
        assert_eq!(of_event("s", &several), "s");
        assert!(!is_of_event("s.a", "s", &several));
    }

    #[test]
    fn patterns_become_those_of_nats() {
        let of =
            |patterns: &[&str]| of_filters("s", &TopicFilters::from_patterns(patterns).unwrap());
        let some =
            |subjects: &[&str]| Some(subjects.iter().map(|&subject| subject.to_owned()).collect());
        assert_eq!(of(&["a/b"]), some(&["s", "s.a.b"]));
        assert_eq!(
            of(&["a/*/c", "b.b/**"]),
            some(&["s", "s.a.*.c", "s.b%2Eb.>"])
        );
        assert_eq!(of(&["a", "**"]), None);
        let many: Vec<_> = (0..8).map(|topic| topic.to_string()).collect();
        let many: Vec<_> = many.iter().map(|topic| &**topic).collect();
        assert_eq!(of(&many[..7]).map(|subjects| subjects.len()), Some(8));
        assert_eq!(of(&many), None);
    }
}
