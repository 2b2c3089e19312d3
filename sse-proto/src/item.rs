//! Items that a decoder returns.

use core::time::Duration;

/// Item of an event stream, with texts of type `T` and a last event ID of type `I`.
///
/// A decoder returns borrowed items as `Item<&str>` or `Item<&[u8]>`. Owned items are `Item<String, EventId>`. All
/// owned events after an ID share its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item<T, I = T> {
    /// An event was dispatched.
    Event(MessageEvent<T, I>),
    /// The stream set the reconnection time, at most `u64::MAX` milliseconds.
    Retry(Duration),
    /// The stream sent a comment. Its text is everything after the colon. A comment shows that the connection is
    /// alive.
    Comment(T),
}

/// Dispatched event ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage)): a
/// `MessageEvent` in the standard.
///
/// Its texts have the type `T`, and its last event ID has the type `I`. `I` is `T` in a borrowed event, and
/// `EventId` in an owned one. The texts are not validated. `Event::try_from` validates an event, to store it or to
/// send it on. It does not copy the strings of an owned event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MessageEvent<T, I = T> {
    /// Type of the event. `message` if the stream set none.
    pub event_type: T,
    /// Data: the values of the block's `data` fields, joined by LF.
    pub data: T,
    /// Last event ID of the stream when the event was dispatched. Empty if there was none.
    #[doc(alias = "lastEventId")]
    pub last_event_id: I,
}

impl<T, I> MessageEvent<T, I> {
    /// Creates an event that was dispatched elsewhere, for example by a browser.
    pub fn new(event_type: T, data: T, last_event_id: I) -> Self {
        Self {
            event_type,
            data,
            last_event_id,
        }
    }
}

#[cfg(feature = "json")]
impl<T: AsRef<[u8]>, I> MessageEvent<T, I> {
    /// Deserializes the data from JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the data is not JSON, or is not a valid `V`.
    ///
    /// ```
    /// use sse_proto::{Chunk, Decoder, Item};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Price<'a> {
    ///     symbol: &'a str,
    ///     cents: u64,
    /// }
    ///
    /// let mut decoder = Decoder::new();
    /// let mut chunk = Chunk::from("data: {\"symbol\":\"A\",\"cents\":199}\n\n");
    /// let Some(Item::Event(event)) = decoder.decode(&mut chunk)? else { panic!() };
    /// let price: Price<'_> = event.json()?;
    /// assert_eq!((price.symbol, price.cents), ("A", 199));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json<'a, V: serde::Deserialize<'a>>(&'a self) -> Result<V, serde_json::Error> {
        serde_json::from_slice(self.data.as_ref())
    }
}

impl<T> Item<T> {
    /// Converts all texts, including the last event ID.
    ///
    /// ```
    /// use sse_proto::{Chunk, Decoder, Item};
    ///
    /// let mut decoder = Decoder::new();
    /// let mut chunk = Chunk::from("data: to keep\n\n");
    /// let kept = decoder.decode(&mut chunk)?.map(|item| item.map(str::to_owned));
    /// assert!(matches!(kept, Some(Item::Event(event)) if event.data == "to keep"));
    /// # Ok::<(), sse_proto::DecodeError>(())
    /// ```
    #[doc(alias = "to_owned")]
    pub fn map<U>(self, mut text: impl FnMut(T) -> U) -> Item<U> {
        match self {
            Self::Event(event) => Item::Event(MessageEvent {
                event_type: text(event.event_type),
                data: text(event.data),
                last_event_id: text(event.last_event_id),
            }),
            Self::Retry(time) => Item::Retry(time),
            Self::Comment(comment) => Item::Comment(text(comment)),
        }
    }
}
