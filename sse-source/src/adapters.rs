//! Streams over an [`EventSource`] or [`Events`] that return only events, or only their data.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{Stream, stream::FusedStream};

use crate::{Error, EventSource, Events, Item, MessageEvent};

impl EventSource {
    /// Returns a stream of the events, without the other items. Errors are passed.
    ///
    /// The source is still reachable, for example to close it: [`EventsOnly::get_mut`].
    ///
    /// ```no_run
    /// use futures_util::TryStreamExt;
    /// use sse_source::EventSource;
    ///
    /// # async fn example() -> Result<(), sse_source::Error> {
    /// let mut events = EventSource::get("https://api.example/events").build()?.events_only();
    /// while let Some(event) = events.try_next().await? {
    ///     println!("{}: {}", event.event_type, event.data);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events_only(self) -> EventsOnly<Self> {
        EventsOnly(self)
    }

    /// Returns a stream of the data of the events, deserialized from JSON. Errors are passed.
    ///
    /// Data that is not a valid `T` is an [`Error::InvalidJson`], after which the stream goes on. For the type or the
    /// ID of an event, use [`events_only`](Self::events_only) and [`MessageEvent::json`].
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(self) -> JsonEvents<Self, T> {
        JsonEvents::new(self)
    }
}

impl Events {
    /// Returns a stream of the events, without the other items. Errors are passed.
    ///
    /// ```no_run
    /// use futures_util::TryStreamExt;
    /// use http::Method;
    /// use sse_source::EventSource;
    ///
    /// # async fn example() -> Result<(), sse_source::Error> {
    /// let request = EventSource::request(Method::POST, "https://llm.example/v1/chat/completions");
    /// let mut events = request.body(r#"{"stream":true}"#).send().await?.events_only();
    /// while let Some(event) = events.try_next().await? {
    ///     if event.data == "[DONE]" {
    ///         break;
    ///     }
    ///     println!("{}", event.data);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events_only(self) -> EventsOnly<Self> {
        EventsOnly(self)
    }

    /// Returns a stream of the data of the events, deserialized from JSON. Errors are passed.
    ///
    /// Data that is not a valid `T` is an [`Error::InvalidJson`], after which the stream goes on. A final event such as
    /// `[DONE]`, which is not JSON, is such an error, too:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sse_source::Error> {
    /// use futures_util::StreamExt;
    /// use sse_source::{Error, Events};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Delta {
    ///     text: String,
    /// }
    ///
    /// # let body = "data: {\"text\":\"Hel\"}\n\ndata: {\"text\":\"lo\"}\n\ndata: [DONE]\n\n".to_owned();
    /// # let response = http::Response::builder().header("content-type", "text/event-stream");
    /// # let response = response.body(body).unwrap();
    /// let mut deltas = Events::from_response(response).await?.json::<Delta>();
    /// let mut answer = String::new();
    /// while let Some(delta) = deltas.next().await {
    ///     match delta {
    ///         Ok(delta) => answer += &delta.text,
    ///         Err(Error::InvalidJson(invalid)) if invalid.event.data == "[DONE]" => break,
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// assert_eq!(answer, "Hello");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(self) -> JsonEvents<Self, T> {
        JsonEvents::new(self)
    }
}

/// Stream of [`MessageEvent`]s, from [`EventSource::events_only`] or [`Events::events_only`].
#[derive(Debug)]
#[must_use = "streams do nothing unless they are polled"]
pub struct EventsOnly<S>(S);

impl<S> EventsOnly<S> {
    /// Returns the stream of all items.
    pub fn get_ref(&self) -> &S {
        &self.0
    }

    /// Returns the stream of all items, for example to close it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.0
    }

    /// Converts back to the stream of all items.
    pub fn into_inner(self) -> S {
        self.0
    }
}

impl<S: Stream<Item = Result<Item, Error>> + Unpin> Stream for EventsOnly<S> {
    type Item = Result<MessageEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_next(cx)) {
                Some(Ok(Item::Event(event))) => return Poll::Ready(Some(Ok(event))),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<S> FusedStream for EventsOnly<S>
where
    S: FusedStream<Item = Result<Item, Error>> + Unpin,
{
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

#[cfg(feature = "json")]
pub use json::{InvalidJson, JsonEvents};

#[cfg(feature = "json")]
mod json {
    use core::{fmt, marker::PhantomData};

    use serde::de::DeserializeOwned;

    use super::{
        Context, Error, EventsOnly, FusedStream, Item, MessageEvent, Pin, Poll, Stream, ready,
    };

    /// Stream of the deserialized data of events, from [`EventSource::json`](crate::EventSource::json) or
    /// [`Events::json`](crate::Events::json).
    #[must_use = "streams do nothing unless they are polled"]
    pub struct JsonEvents<S, T> {
        events: EventsOnly<S>,
        data: PhantomData<fn() -> T>,
    }

    impl<S, T> JsonEvents<S, T> {
        pub(super) fn new(stream: S) -> Self {
            Self {
                events: EventsOnly(stream),
                data: PhantomData,
            }
        }

        /// Returns the stream of all items.
        pub fn get_ref(&self) -> &S {
            self.events.get_ref()
        }

        /// Returns the stream of all items, for example to close it.
        pub fn get_mut(&mut self) -> &mut S {
            self.events.get_mut()
        }

        /// Converts back to the stream of all items.
        pub fn into_inner(self) -> S {
            self.events.into_inner()
        }
    }

    impl<S, T> Stream for JsonEvents<S, T>
    where
        S: Stream<Item = Result<Item, Error>> + Unpin,
        T: DeserializeOwned,
    {
        type Item = Result<T, Error>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let event = ready!(Pin::new(&mut self.events).poll_next(cx));
            Poll::Ready(event.map(|event| {
                let event = event?;
                event
                    .json()
                    .map_err(|error| Error::InvalidJson(Box::new(InvalidJson { event, error })))
            }))
        }
    }

    impl<S, T> FusedStream for JsonEvents<S, T>
    where
        S: FusedStream<Item = Result<Item, Error>> + Unpin,
        T: DeserializeOwned,
    {
        fn is_terminated(&self) -> bool {
            self.events.is_terminated()
        }
    }

    impl<S: fmt::Debug, T> fmt::Debug for JsonEvents<S, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("JsonEvents").field(self.get_ref()).finish()
        }
    }

    /// Event whose data is not the expected JSON, in [`Error::InvalidJson`].
    #[derive(Debug)]
    #[non_exhaustive]
    pub struct InvalidJson {
        /// The event.
        pub event: MessageEvent,
        /// Error of the deserializer.
        pub error: serde_json::Error,
    }
}
