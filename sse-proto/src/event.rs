//! What an event is, on both sides of the wire.

use alloc::{borrow::Cow, string::String};
use core::{fmt, ops::Deref, str::FromStr, time::Duration};

use crate::{
    decimal::decimal,
    invalid_value::{InvalidValue, check},
    item::MessageEvent,
    shared_text::SharedText,
};

/// The type of an event whose block names none, and of one whose `event` field is empty.
const MESSAGE: &str = "message";

/// An event that can be kept and sent.
///
/// A server builds one and [encodes](Self::encode) it; a client gets one from
/// a [`MessageEvent`] by `TryFrom`. Strings that live for ever (`&'static str`) are not copied.
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

impl<T: AsRef<str>, I: AsRef<str>> TryFrom<MessageEvent<T, I>> for Event {
    type Error = InvalidValue;

    /// Checks an event that was dispatched, to keep it and to send it on.
    ///
    /// Its [`id`](Event::id) is the last event ID, if that is not empty; it has no type if that was `message`.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the type or the ID could forge another field. Those of a decoder cannot.
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
///
/// A clone shares the text, unless that is short.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(SharedText);

impl EventId {
    /// Checks that the text can stand in an `id` field, and in a `Last-Event-ID` header.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if it holds CR or LF, or NUL, for which a reader ignores the field.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, InvalidValue> {
        let text = text.into();
        check("event ID", &text, &['\r', '\n', '\0'])?;
        Ok(Self(text.into()))
    }

    /// The last event ID of a decoder, which has checked it, for one event, if it is short.
    #[inline]
    pub(crate) fn decoded_short(text: &str) -> Option<Self> {
        SharedText::short(text).map(Self)
    }

    /// The last event ID of a decoder, which has checked it, to be shared.
    pub(crate) fn decoded(text: &str) -> Self {
        Self(SharedText::new(text))
    }
}

impl From<u64> for EventId {
    /// The number in decimal digits.
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

/// Conversions from both validated texts. Nothing here makes one: each way to make one stands in full above,
/// because a test lists them by name.
macro_rules! readable {
    ($name:ident) => {
        impl $name {
            /// The text.
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
