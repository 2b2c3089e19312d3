//! Events with their types and IDs.

use alloc::{borrow::Cow, string::String};
use core::{fmt, ops::Deref, str::FromStr, time::Duration};

use crate::{
    decimal::decimal,
    invalid_value::{InvalidValue, check},
    item::MessageEvent,
    shared_text::SharedText,
};

/// Type of an event whose block has no `event` field or an empty one.
const MESSAGE: &str = "message";

/// Event that can be stored and sent.
///
/// A server builds an event and [encodes](Self::encode) it. A client converts a [`MessageEvent`] by `TryFrom`.
/// Static strings (`&'static str`) are not copied.
///
/// ```
/// use core::time::Duration;
/// use sse_proto::Event;
///
/// let event = Event::new("hello").with_retry(Duration::from_millis(500));
/// assert_eq!(event.event_type(), "message");
/// assert_eq!(event.to_string(), "retry: 500\ndata: hello\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Event {
    event_type: Option<EventType>,
    data: Cow<'static, str>,
    id: Option<EventId>,
    retry: Option<Duration>,
}

impl Event {
    /// Creates an event with this data, of type `message` and without an ID.
    ///
    /// Any text is valid data. A client receives each CR, LF and CRLF in it as LF.
    pub fn new(data: impl Into<Cow<'static, str>>) -> Self {
        Self {
            data: data.into(),
            ..Self::default()
        }
    }

    /// Sets the type: the name for which a browser calls listeners.
    #[doc(alias = "name")]
    #[doc(alias = "event")]
    #[must_use]
    pub fn with_type(mut self, event_type: EventType) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// Sets the ID, which a client sends back as `Last-Event-ID` when it reconnects.
    ///
    /// The empty ID makes the client forget its last event ID.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the reconnection time that is sent with the event: the time that the client waits before it
    /// reconnects.
    ///
    /// It is rounded down to whole milliseconds, at most `u64::MAX` of them.
    #[must_use]
    pub fn with_retry(mut self, reconnection_time: Duration) -> Self {
        let milliseconds = u64::try_from(reconnection_time.as_millis()).unwrap_or(u64::MAX);
        self.retry = Some(Duration::from_millis(milliseconds));
        self
    }

    /// Returns the type. `message` if none was set or if it is empty.
    pub fn event_type(&self) -> &str {
        or_message(self.event_type.as_ref().map_or("", EventType::as_str))
    }

    /// Returns the data.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// Returns the data, without copying it.
    pub fn into_data(self) -> Cow<'static, str> {
        self.data
    }

    /// Returns the ID of this event, if it has one.
    pub fn id(&self) -> Option<&EventId> {
        self.id.as_ref()
    }

    /// Returns the ID as text, which is the last event ID after this event. Empty if the event has no ID.
    #[doc(alias = "lastEventId")]
    pub fn last_event_id(&self) -> &str {
        self.id.as_ref().map_or("", EventId::as_str)
    }

    /// Returns the reconnection time that is sent with the event.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Returns the type as it is sent in the `event` field.
    pub(crate) fn type_field(&self) -> Option<&EventType> {
        self.event_type.as_ref()
    }
}

impl<T: AsRef<str>, I: AsRef<str>> TryFrom<MessageEvent<T, I>> for Event {
    type Error = InvalidValue;

    /// Validates a dispatched event, to store it or to send it on.
    ///
    /// Its [`id`](Event::id) is the last event ID, unless that is empty. The type `message` is not stored, because
    /// it is the default.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the type or the ID contains a character that is invalid in its field. An event of a
    /// decoder is always valid.
    ///
    /// ```
    /// use sse_proto::{Event, MessageEvent};
    ///
    /// let event = Event::try_from(MessageEvent::new("news", "hello", "7"))?;
    /// assert_eq!(event.to_string(), "event: news\nid: 7\ndata: hello\n\n");
    ///
    /// let forged = MessageEvent::new("news\ndata: forged", "hello", "7");
    /// let error = Event::try_from(forged).unwrap_err();
    /// assert_eq!(error.to_string(), "event type: LF at byte 4 would end the field");
    /// # Ok::<(), sse_proto::InvalidValue>(())
    /// ```
    fn try_from(event: MessageEvent<T, I>) -> Result<Self, InvalidValue> {
        let own = |text: &str| String::from(text);
        let event_type = match event.event_type.as_ref() {
            "" | MESSAGE => None,
            text => Some(EventType::new(own(text))?),
        };
        let id = match event.last_event_id.as_ref() {
            "" => None,
            text => Some(EventId::new(own(text))?),
        };
        Ok(Self {
            event_type,
            data: Cow::Owned(own(event.data.as_ref())),
            id,
            retry: None,
        })
    }
}

fn or_message(event_type: &str) -> &str {
    if event_type.is_empty() {
        MESSAGE
    } else {
        event_type
    }
}

/// Type of an event: any text without CR and LF. The empty type means `message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Cow<'static, str>);

impl EventType {
    /// Creates an event type, if the text is allowed in an `event` field.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the text contains CR or LF.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, InvalidValue> {
        let text = text.into();
        check("event type", &text, &['\r', '\n'])?;
        Ok(Self(text))
    }
}

/// ID of an event: any text without CR, LF and NUL.
///
/// A clone shares the text, unless the text is short.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(SharedText);

impl EventId {
    /// Creates an event ID, if the text is allowed in an `id` field and in a `Last-Event-ID` header.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the text contains CR or LF, or NUL, because a client ignores an ID with NUL.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, InvalidValue> {
        let text = text.into();
        check("event ID", &text, &['\r', '\n', '\0'])?;
        Ok(Self(text.into()))
    }

    /// Creates an ID for a single event from the last event ID of a decoder, which has validated it. `None` if it
    /// is not short.
    #[inline]
    pub(crate) fn decoded_short(text: &str) -> Option<Self> {
        SharedText::short(text).map(Self)
    }

    /// Creates an ID that many events share from the last event ID of a decoder, which has validated it.
    pub(crate) fn decoded(text: &str) -> Self {
        Self(SharedText::new(text))
    }
}

impl From<u64> for EventId {
    /// Creates an ID of the number in decimal digits.
    fn from(number: u64) -> Self {
        Self(SharedText::new(decimal(number, &mut [0; 20])))
    }
}

impl FromStr for EventType {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::new(String::from(text))
    }
}

impl TryFrom<&'static str> for EventType {
    type Error = InvalidValue;

    fn try_from(text: &'static str) -> Result<Self, InvalidValue> {
        Self::new(text)
    }
}

impl TryFrom<String> for EventType {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        Self::new(text)
    }
}

impl FromStr for EventId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::new(String::from(text))
    }
}

impl TryFrom<&'static str> for EventId {
    type Error = InvalidValue;

    fn try_from(text: &'static str) -> Result<Self, InvalidValue> {
        Self::new(text)
    }
}

impl TryFrom<String> for EventId {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        Self::new(text)
    }
}

/// Implements conversions from both validated types. It contains no constructor. Each constructor is written out
/// above, because a test lists them by name.
macro_rules! readable {
    ($name:ident) => {
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                *self.0 == **other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

readable!(EventType);
readable!(EventId);
