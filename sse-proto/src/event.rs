//! Events, with their types and IDs and their encoding.

mod encode;
mod value;

use alloc::{borrow::Cow, string::String};
use core::time::Duration;

pub use encode::{Comment, Output};
pub use value::{EventId, EventType};

use crate::{error::InvalidValue, item::MessageEvent};

/// Type of an event whose block has no `event` field or an empty one.
pub(crate) const MESSAGE: &str = "message";

/// Event that can be stored and sent.
///
/// A server builds an event and [encodes](Self::encode) it. A proxy converts the [`MessageEvent`] that it decoded, by
/// `TryFrom`, and sends it on.
///
/// ```
/// use core::time::Duration;
/// use sse_proto::Event;
///
/// let event = Event::new("hello").with_retry(Duration::from_millis(500));
/// assert_eq!(event.event_type(), "message");
/// assert_eq!(event.to_string(), "retry: 500\ndata: hello\n\n");
///
/// // With a type and an ID that are known only at run time:
/// let (kind, id) = ("news", 7_u64);
/// let event = Event::new("hello").try_with_type(kind)?.with_id(id);
/// assert_eq!(event.to_string(), "event: news\nid: 7\ndata: hello\n\n");
/// # Ok::<(), sse_proto::InvalidValue>(())
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
    /// Any text is valid data. A client receives each CR, LF and CRLF in it as LF. A `String` is moved, other text is
    /// copied; for a literal, [`from_static`](Self::from_static) saves the copy.
    ///
    /// Bytes that are not known to be text have to be validated first: an event stream is UTF-8, and data that is
    /// not would be received with U+FFFD in it.
    ///
    /// ```
    /// use sse_proto::Event;
    ///
    /// let owned = String::from("hello");
    /// assert_eq!(Event::new(&owned[1..]).data(), "ello");
    /// assert_eq!(Event::new(owned).data(), "hello");
    ///
    /// let bytes = b"hello".as_slice();
    /// assert_eq!(Event::new(str::from_utf8(bytes)?).data(), "hello");
    /// # Ok::<(), core::str::Utf8Error>(())
    /// ```
    pub fn new(data: impl Into<String>) -> Self {
        Self {
            data: Cow::Owned(data.into()),
            ..Self::default()
        }
    }

    /// Creates an event with static data, without a copy.
    ///
    /// ```
    /// use sse_proto::Event;
    ///
    /// const DONE: Event = Event::from_static("[DONE]");
    /// assert_eq!(DONE.to_string(), "data: [DONE]\n\n");
    /// ```
    pub const fn from_static(data: &'static str) -> Self {
        Self {
            event_type: None,
            data: Cow::Borrowed(data),
            id: None,
            retry: None,
        }
    }

    /// Creates an event whose data is this value as JSON, on one line.
    ///
    /// # Errors
    ///
    /// Returns the error of the serializer, for example for a map with keys that are not strings.
    ///
    /// ```
    /// use sse_proto::Event;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Price<'a> {
    ///     symbol: &'a str,
    ///     cents: u64,
    /// }
    ///
    /// let event = Event::json(&Price { symbol: "A\nB", cents: 199 })?;
    /// assert_eq!(event.data(), r#"{"symbol":"A\nB","cents":199}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json<V: serde::Serialize + ?Sized>(value: &V) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::new)
    }

    /// Sets the type: the name for which a browser calls listeners.
    #[doc(alias = "name")]
    #[doc(alias = "event")]
    #[must_use]
    pub fn with_type(mut self, event_type: EventType) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// Sets the type if the event has none. An event of the type `message` has none.
    ///
    /// A server uses this for events of its own, which should not reach the `onmessage` of a page.
    #[must_use]
    pub fn with_default_type(self, event_type: EventType) -> Self {
        if self.event_type() == MESSAGE {
            self.with_type(event_type)
        } else {
            self
        }
    }

    /// Sets the type to text that is validated now.
    ///
    /// Use it for text that is not known when the program is written. For a literal, use
    /// [`with_type`](Self::with_type) with [`EventType::from_static`].
    ///
    /// ```
    /// use sse_proto::{Event, InvalidValue};
    ///
    /// fn event(kind: &str, id: &str, data: &str) -> Result<Event, InvalidValue> {
    ///     Event::new(data).try_with_type(kind)?.try_with_id(id)
    /// }
    ///
    /// let wire = event("news", "7", "hello")?.to_string();
    /// assert_eq!(wire, "event: news\nid: 7\ndata: hello\n\n");
    /// assert!(event("news\ndata: forged", "7", "hello").is_err());
    /// # Ok::<(), InvalidValue>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the text contains CR or LF.
    pub fn try_with_type(self, text: impl Into<String>) -> Result<Self, InvalidValue> {
        EventType::new(text).map(|event_type| self.with_type(event_type))
    }

    /// Sets the ID, which a client sends back as `Last-Event-ID` when it reconnects.
    ///
    /// The empty ID makes the client forget its last event ID.
    ///
    /// ```
    /// use sse_proto::Event;
    ///
    /// assert_eq!(Event::new("hello").with_id(7).last_event_id(), "7");
    /// ```
    #[must_use]
    pub fn with_id(mut self, id: impl Into<EventId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the ID to text that is validated now. See [`try_with_type`](Self::try_with_type) for an example.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the text contains CR, LF or NUL.
    pub fn try_with_id(self, text: impl AsRef<str>) -> Result<Self, InvalidValue> {
        EventId::new(text).map(|id| self.with_id(id))
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

impl<T, I> TryFrom<MessageEvent<T, I>> for Event
where
    T: AsRef<str> + Into<String>,
    I: TryInto<EventId>,
    InvalidValue: From<I::Error>,
{
    type Error = InvalidValue;

    /// Validates a dispatched event, to store it or to send it on.
    ///
    /// Its [`id`](Event::id) is the last event ID, unless that is empty. The type `message` is not stored, because
    /// it is the default. The strings of an owned event (`MessageEvent<String, EventId>`) are moved; borrowed strings
    /// are copied.
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
        let event_type = match event.event_type.as_ref() {
            "" | MESSAGE => None,
            _ => Some(EventType::new(event.event_type)?),
        };
        let id: EventId = event.last_event_id.try_into()?;
        Ok(Self {
            event_type,
            data: Cow::Owned(event.data.into()),
            id: Some(id).filter(|id| !id.is_empty()),
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
