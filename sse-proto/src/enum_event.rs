//! Events as the variants of an enum: the type is the name of the variant, the data is its content in JSON.
//!
//! serde describes an enum as a name and a content, so two small adapters are enough. One serializes the content of
//! a variant, and returns its name. The other one deserializes a variant from the name and the content. The content
//! itself is work for `serde_json`.

use alloc::{borrow::ToOwned, string::String};
use core::{any::type_name, cell::Cell, error::Error, fmt};

use serde::{
    Deserialize, Serialize, Serializer,
    de::{
        self, DeserializeSeed, EnumAccess, VariantAccess, Visitor, value::BorrowedBytesDeserializer,
    },
    forward_to_deserialize_any,
    ser::{
        Error as _, Impossible, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleVariant,
    },
};

use crate::{Event, EventType, MessageEvent, event::MESSAGE, parser::line::find_line_end};

impl Event {
    /// Creates an event of a variant of an enum: the type is the name of the variant, the data is its content in JSON.
    ///
    /// The enum has the default representation of serde, without `tag`, `content` and `untagged`. `rename` and
    /// `rename_all` change the event types. A variant with the name `message` makes an event without a type. A variant
    /// without content has the data `null`, so that clients can parse the data of each event as JSON.
    ///
    /// [`MessageEvent::to_enum`] reads the event.
    ///
    /// # Errors
    ///
    /// - [`EnumError::NotAnEnum`] for a value that is not a variant of such an enum
    /// - [`EnumError::InvalidVariant`] if the name of the variant is empty or contains CR or LF
    /// - [`EnumError::Data`] if the content cannot be JSON, for example because of a map with keys that are not strings
    ///
    /// ```
    /// use sse_proto::Event;
    ///
    /// #[derive(serde::Serialize)]
    /// #[serde(rename_all = "snake_case")]
    /// enum Order {
    ///     Created { id: u64 },
    ///     Paid(u64),
    ///     AllShipped,
    /// }
    ///
    /// let event = Event::from_enum(&Order::Created { id: 7 })?;
    /// assert_eq!(event.to_string(), "event: created\ndata: {\"id\":7}\n\n");
    /// let event = Event::from_enum(&Order::Paid(7))?;
    /// assert_eq!(event.to_string(), "event: paid\ndata: 7\n\n");
    /// let event = Event::from_enum(&Order::AllShipped)?;
    /// assert_eq!(event.to_string(), "event: all_shipped\ndata: null\n\n");
    /// # Ok::<(), sse_proto::EnumError>(())
    /// ```
    pub fn from_enum<V: Serialize + ?Sized>(value: &V) -> Result<Self, EnumError> {
        let content = Content {
            value,
            name: Cell::new(Err(EnumError::NotAnEnum {
                type_name: type_name::<V>(),
            })),
        };
        let json = serde_json::to_string(&content);
        let name = content.name.into_inner()?;
        let event = Self::new(json.map_err(EnumError::Data)?);
        Ok(match name {
            MESSAGE => event,
            _ => event.with_type(EventType::from_static(name)),
        })
    }
}

impl<T: AsRef<[u8]>, I> MessageEvent<T, I> {
    /// Deserializes a variant of an enum: the type is the name of the variant, the data is its content in JSON.
    ///
    /// It reads the events of [`Event::from_enum`], where the representation is described. A variant without content
    /// has any data: other servers send none, or `{}`. So a last variant with `#[serde(other)]` takes events of all
    /// other types.
    ///
    /// # Errors
    ///
    /// - [`EnumError::UnknownType`] if no variant has the type of the event. A client can ignore it, as browsers ignore
    ///   events without listeners.
    /// - [`EnumError::Data`] if the data is not the content of the variant as JSON
    /// - [`EnumError::NotAnEnum`] if `V` is not such an enum
    ///
    /// ```
    /// use sse_proto::{Chunk, Decoder, Item};
    ///
    /// #[derive(Debug, PartialEq, serde::Deserialize)]
    /// #[serde(rename_all = "snake_case")]
    /// enum Order<'a> {
    ///     Created { id: u64, by: &'a str },
    ///     Paid(u64),
    ///     #[serde(other)]
    ///     Other,
    /// }
    ///
    /// let mut decoder = Decoder::new();
    /// let mut chunk = Chunk::from("event: created\ndata: {\"id\":7,\"by\":\"A\"}\n\nevent: closing\ndata\n\n");
    /// let mut orders = Vec::new();
    /// while let Some(Item::Event(event)) = decoder.decode(&mut chunk)? {
    ///     match event.to_enum()? {
    ///         Order::Created { id, by } => orders.push((id, by.to_owned())),
    ///         Order::Paid(_) | Order::Other => {}
    ///     }
    /// }
    /// assert_eq!(orders, [(7, "A".to_owned())]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_enum<'a, V: Deserialize<'a>>(&'a self) -> Result<V, EnumError> {
        let name = match self.event_type.as_ref() {
            [] => MESSAGE.as_bytes(),
            name => name,
        };
        V::deserialize(VariantDeserializer {
            enum_name: type_name::<V>(),
            name,
            content: self.data.as_ref(),
        })
    }
}

/// Error of an event that cannot be converted from an enum or to an enum.
#[derive(Debug)]
#[non_exhaustive]
pub enum EnumError {
    /// The type is not an enum, or it is an enum with an attribute such as `#[serde(tag = "…")]`.
    #[non_exhaustive]
    NotAnEnum {
        /// Name of the type, as [`type_name`](core::any::type_name) returns it.
        type_name: &'static str,
    },
    /// The name of a variant cannot be an event type: it is empty, or it contains CR or LF.
    #[non_exhaustive]
    InvalidVariant {
        /// Name of the variant.
        name: &'static str,
    },
    /// No variant has the type of the event.
    #[non_exhaustive]
    UnknownType {
        /// Type of the event.
        event_type: String,
        /// Names of the variants.
        known: &'static [&'static str],
    },
    /// The data is not the content of the variant as JSON.
    Data(serde_json::Error),
}

impl fmt::Display for EnumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnEnum { type_name } => {
                write!(
                    f,
                    "{type_name} is not an enum of the default representation"
                )
            }
            Self::InvalidVariant { name } => {
                write!(
                    f,
                    "variant {name:?} cannot be an event type: it is empty or has a line end"
                )
            }
            Self::UnknownType { event_type, known } => {
                write!(
                    f,
                    "no variant for the event type {event_type:?}, known are {known:?}"
                )
            }
            Self::Data(_) => f.write_str("the data is not the content of the variant as JSON"),
        }
    }
}

impl Error for EnumError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Data(error) => Some(error),
            _ => None,
        }
    }
}

impl From<serde_json::Error> for EnumError {
    fn from(error: serde_json::Error) -> Self {
        Self::Data(error)
    }
}

impl de::Error for EnumError {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Data(de::Error::custom(message))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::UnknownType {
            event_type: variant.to_owned(),
            known: expected,
        }
    }
}

/// Content of a variant. `serde_json` serializes it, and gives its serializer to [`VariantSerializer`].
//
// Without `std`, the serializer of `serde_json` is not public, so it cannot be called directly.
struct Content<'a, V: ?Sized> {
    value: &'a V,
    /// Name of the variant, after it is serialized.
    name: Cell<Result<&'static str, EnumError>>,
}

impl<V: Serialize + ?Sized> Serialize for Content<'_, V> {
    fn serialize<S: Serializer>(&self, content: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(VariantSerializer {
            content,
            name: &self.name,
        })
    }
}

/// Serializer that takes only a variant. It serializes the content with `content`, and sets the name.
struct VariantSerializer<'a, S> {
    content: S,
    name: &'a Cell<Result<&'static str, EnumError>>,
}

impl<S: Serializer> VariantSerializer<'_, S> {
    /// Sets the name if it can be an event type, and returns the serializer of the content.
    ///
    /// The empty name cannot: a client would receive it as `message`.
    fn with_name(self, name: &'static str) -> Result<S, S::Error> {
        let is_valid = !name.is_empty() && find_line_end(name.as_bytes()).is_none();
        if is_valid {
            self.name.set(Ok(name));
            return Ok(self.content);
        }
        self.name.set(Err(EnumError::InvalidVariant { name }));
        Err(S::Error::custom("the name of the variant is not valid"))
    }

    fn reject<T>(self) -> Result<T, S::Error> {
        // The caller has a better error in `name`.
        Err(S::Error::custom("not a variant"))
    }
}

/// Methods of a serializer that reject a value of another type.
macro_rules! reject {
    ($($method:ident($($argument:ty),*) -> $output:ty;)*) => {
        $(
            fn $method(self, $(_: $argument),*) -> Result<$output, S::Error> {
                self.reject()
            }
        )*
    };
}

impl<S: Serializer> Serializer for VariantSerializer<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Fields<S::SerializeTuple>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Impossible<S::Ok, S::Error>;
    type SerializeStructVariant = Fields<S::SerializeStruct>;

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.with_name(variant)?.serialize_unit()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self.with_name(variant)?)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.with_name(variant)?.serialize_tuple(length).map(Fields)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let content = self.with_name(variant)?;
        content.serialize_struct(variant, length).map(Fields)
    }

    /// A newtype is its content, as in JSON.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<S::Ok, S::Error> {
        self.reject()
    }

    reject! {
        serialize_bool(bool) -> S::Ok;
        serialize_i8(i8) -> S::Ok;
        serialize_i16(i16) -> S::Ok;
        serialize_i32(i32) -> S::Ok;
        serialize_i64(i64) -> S::Ok;
        serialize_i128(i128) -> S::Ok;
        serialize_u8(u8) -> S::Ok;
        serialize_u16(u16) -> S::Ok;
        serialize_u32(u32) -> S::Ok;
        serialize_u64(u64) -> S::Ok;
        serialize_u128(u128) -> S::Ok;
        serialize_f32(f32) -> S::Ok;
        serialize_f64(f64) -> S::Ok;
        serialize_char(char) -> S::Ok;
        serialize_str(&str) -> S::Ok;
        serialize_bytes(&[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(&'static str) -> S::Ok;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
    }
}

/// Fields of a variant, which are serialized as a tuple or a struct.
struct Fields<C>(C);

impl<C: SerializeTuple> SerializeTupleVariant for Fields<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_element(value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}

impl<C: SerializeStruct> SerializeStructVariant for Fields<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), C::Error> {
        self.0.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
        self.0.skip_field(key)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}

/// Deserializer of a variant with this name and this content in JSON.
struct VariantDeserializer<'de> {
    enum_name: &'static str,
    name: &'de [u8],
    content: &'de [u8],
}

impl<'de> de::Deserializer<'de> for VariantDeserializer<'de> {
    type Error = EnumError;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, EnumError> {
        visitor.visit_enum(self)
    }

    /// A newtype is its content, as in JSON.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, EnumError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, EnumError> {
        Err(EnumError::NotAnEnum {
            type_name: self.enum_name,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for VariantDeserializer<'de> {
    type Error = EnumError;
    type Variant = JsonContent<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, JsonContent<'de>), EnumError> {
        let name = BorrowedBytesDeserializer::<EnumError>::new(self.name);
        Ok((seed.deserialize(name)?, JsonContent(self.content)))
    }
}

/// Content of a variant in JSON.
struct JsonContent<'de>(&'de [u8]);

impl<'de> JsonContent<'de> {
    fn read<T>(
        self,
        read: impl FnOnce(
            &mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>,
        ) -> Result<T, serde_json::Error>,
    ) -> Result<T, EnumError> {
        let mut json = serde_json::Deserializer::from_slice(self.0);
        let content = read(&mut json)?;
        json.end()?;
        Ok(content)
    }
}

impl<'de> VariantAccess<'de> for JsonContent<'de> {
    type Error = EnumError;

    /// Ignores the data, because a variant with `#[serde(other)]` has the data of any event.
    fn unit_variant(self) -> Result<(), EnumError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, EnumError> {
        self.read(|json| seed.deserialize(json))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, EnumError> {
        self.read(|json| de::Deserializer::deserialize_tuple(json, length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, EnumError> {
        self.read(|json| de::Deserializer::deserialize_struct(json, "", fields, visitor))
    }
}
