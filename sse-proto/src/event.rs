//! What an event is, on both sides of the wire.

use alloc::{borrow::Cow, string::String};
use core::{fmt, str::FromStr, time::Duration};

use crate::{
    invalid_value::{InvalidValue, check},
    item::MessageEvent,
};

/// The type of an event whose block names none, and of one whose `event` field is empty.
const MESSAGE: &str = "message";

/// An event that can be kept and sent.
///
/// A server builds one and [encodes](Self::encode) it; a client gets one from
/// a [`MessageEvent`] by `From`. Strings that live for ever (`&'static str`) are not copied.
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
    /// An event with this data, of type `message`, without an ID.
    ///
    /// Any text is valid data. A reader sees each CR, LF and CRLF in it as LF.
    pub fn new(data: impl Into<Cow<'static, str>>) -> Self {
        Self {
            data: data.into(),
            ..Self::default()
        }
    }

    /// Sets the type: the name that listeners in a browser are added for.
    #[doc(alias = "name")]
    #[doc(alias = "event")]
    #[must_use]
    pub fn with_type(mut self, event_type: EventType) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// Sets the ID, which a client sends back as `Last-Event-ID` when it reconnects.
    ///
    /// The empty ID makes a client forget the one that it has.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the reconnection time that is sent with the event: how long the client waits before
    /// it reconnects. Rounded down to whole milliseconds, at most `u64::MAX` of them.
    #[must_use]
    pub fn with_retry(mut self, reconnection_time: Duration) -> Self {
        let milliseconds = u64::try_from(reconnection_time.as_millis()).unwrap_or(u64::MAX);
        self.retry = Some(Duration::from_millis(milliseconds));
        self
    }

    /// The type, `message` if none was set or if it is empty.
    pub fn event_type(&self) -> &str {
        or_message(self.event_type.as_ref().map_or("", EventType::as_str))
    }

    /// The data.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The data, without a copy where it was owned.
    pub fn into_data(self) -> Cow<'static, str> {
        self.data
    }

    /// The ID that this event carries, if it carries one.
    pub fn id(&self) -> Option<&EventId> {
        self.id.as_ref()
    }

    /// The last event ID as of this event, empty if there was none.
    #[doc(alias = "lastEventId")]
    pub fn last_event_id(&self) -> &str {
        self.id.as_ref().map_or("", EventId::as_str)
    }

    /// The reconnection time that is sent with the event.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The type as the `event` field will carry it.
    pub(crate) fn type_field(&self) -> Option<&EventType> {
        self.event_type.as_ref()
    }
}

impl<T: AsRef<str>> From<MessageEvent<T>> for Event {
    /// The event to keep and to send on. Its [`id`](Event::id) is the last event ID, if that is not
    /// empty; its type is none if that was `message`.
    fn from(event: MessageEvent<T>) -> Self {
        let own = |text: &T| Cow::Owned(String::from(text.as_ref()));
        let event_type = own(&event.event_type);
        let id = own(&event.last_event_id);
        Self {
            event_type: (event_type != MESSAGE).then_some(EventType(event_type)),
            data: own(&event.data),
            id: (!id.is_empty()).then_some(EventId(id)),
            retry: None,
        }
    }
}

fn or_message(event_type: &str) -> &str {
    if event_type.is_empty() {
        MESSAGE
    } else {
        event_type
    }
}

/// The type of an event: any text without CR and LF. The empty one means `message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Cow<'static, str>);

impl EventType {
    /// Checks that the text can stand in an `event` field.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if it holds CR or LF.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, InvalidValue> {
        let text = text.into();
        check("event type", &text, &['\r', '\n'])?;
        Ok(Self(text))
    }
}

/// The ID of an event: any text without CR, LF and NUL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Cow<'static, str>);

impl EventId {
    /// Checks that the text can stand in an `id` field, and in a `Last-Event-ID` header.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if it holds CR or LF, or NUL, for which a reader ignores the field.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, InvalidValue> {
        let text = text.into();
        check("event ID", &text, &['\r', '\n', '\0'])?;
        Ok(Self(text))
    }
}

impl From<u64> for EventId {
    /// The number in decimal digits.
    fn from(number: u64) -> Self {
        Self(Cow::Owned(alloc::format!("{number}")))
    }
}

/// What both validated texts offer.
macro_rules! validated_text {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                Self::new(String::from(text))
            }
        }

        impl TryFrom<&'static str> for $name {
            type Error = InvalidValue;

            fn try_from(text: &'static str) -> Result<Self, InvalidValue> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                Self::new(text)
            }
        }
    };
}

validated_text!(EventType);
validated_text!(EventId);
