//! Data in JSON.

use serde::{Deserialize, Serialize};

use crate::{Event, MessageEvent};

impl Event {
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
    pub fn json<V: Serialize + ?Sized>(value: &V) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::new)
    }
}

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
    pub fn json<'a, V: Deserialize<'a>>(&'a self) -> Result<V, serde_json::Error> {
        serde_json::from_slice(self.data.as_ref())
    }
}
