//! What comes out of a decoder.

use core::time::Duration;

/// One thing that a stream says, with its texts as `T` and last event IDs as `I`.
///
/// A decoder lends `Item<&str>` or `Item<&[u8]>`. To keep, there is `Item<String, EventId>`: all events
/// after an ID share its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item<T, I = T> {
    /// An event was dispatched.
    Event(MessageEvent<T, I>),
    /// The stream set the reconnection time. At most `u64::MAX` milliseconds.
    Retry(Duration),
    /// A comment: all that follows its colon. It says that the connection lives.
    Comment(T),
}

/// An event as it is dispatched
/// ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage)):
/// a `MessageEvent`, in the words of the standard.
///
/// Its texts are `T`, and its last event ID is an `I`: the same as the texts when it is lent, an `EventId` when
/// it is kept. Any text can stand in it, so it has to be checked to be sent on: `Event::try_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MessageEvent<T, I = T> {
    /// The type, `message` if the stream gave none.
    pub event_type: T,
    /// The data: the values of the block's `data` fields, joined by LF.
    pub data: T,
    /// The last event ID of the stream when the event was dispatched, empty if there was none.
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

impl<T> Item<T> {
    /// Converts all texts, the last event ID among them.
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
