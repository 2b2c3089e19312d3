//! Types and IDs of events: text that is valid in its field.

use alloc::{borrow::Cow, boxed::Box, string::String};
use core::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    str::FromStr,
};

use super::encode::{decimal, signed_decimal};
use crate::error::InvalidValue;

/// Type of an event: any text without CR and LF. The empty type means `message`.
///
/// ```
/// use sse_proto::{Event, EventType};
///
/// /// Checked when the program is compiled.
/// const UPDATE: EventType = EventType::from_static("update");
///
/// let event = Event::new("hello").with_type(UPDATE);
/// assert_eq!(event.event_type(), "update");
///
/// // Text that is known at run time:
/// let event_type = EventType::try_from("update")?;
/// assert_eq!(event_type, UPDATE);
/// assert_eq!("update".parse(), Ok(UPDATE));
/// assert_eq!(String::from(event_type), "update");
/// # Ok::<(), sse_proto::InvalidValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Cow<'static, str>);

impl EventType {
    /// Creates an event type, if the text is allowed in an `event` field.
    ///
    /// A `String` is moved, other text is copied. [`from_static`](Self::from_static) does not copy.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the text contains CR or LF.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidValue> {
        let text = text.into();
        match find_line_end_in(&text) {
            None => Ok(Self(Cow::Owned(text))),
            Some(offset) => Err(invalid("event type", &text, offset)),
        }
    }

    /// Creates an event type of static text, without a copy.
    ///
    /// Use it for literals. In a `const`, invalid text is an error of the compiler.
    ///
    /// # Panics
    ///
    /// If the text contains CR or LF.
    ///
    /// ```
    /// use sse_proto::{Event, EventType};
    ///
    /// let event = Event::new("hello").with_type(EventType::from_static("greeting"));
    /// assert_eq!(event.to_string(), "event: greeting\ndata: hello\n\n");
    /// ```
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            find_line_end_in(text).is_none(),
            "event type contains CR or LF"
        );
        Self(Cow::Borrowed(text))
    }
}

/// ID of an event: any text without CR, LF and NUL.
///
/// A clone shares the text, unless the text is short.
///
/// ```
/// use sse_proto::{Event, EventId};
///
/// let id = EventId::from(7_u64);
/// assert_eq!(id, "7");
/// assert_eq!(EventId::try_from("7"), Ok(id.clone()));
/// assert_eq!(EventId::from_static("7"), id);
///
/// let event = Event::new("hello").with_id(id);
/// assert_eq!(event.to_string(), "id: 7\ndata: hello\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(SharedText);

impl EventId {
    /// Creates an event ID, if the text is allowed in an `id` field and in a `Last-Event-ID` header.
    ///
    /// The text is copied. [`from_static`](Self::from_static) does not copy.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the text contains CR or LF, or NUL, because a client ignores an ID with NUL.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidValue> {
        let text = text.as_ref();
        match find_line_end_or_nul_in(text) {
            None => Ok(Self(SharedText::new(text))),
            Some(offset) => Err(invalid("event ID", text, offset)),
        }
    }

    /// Creates an event ID of static text, without a copy.
    ///
    /// Use it for literals. In a `const`, invalid text is an error of the compiler.
    ///
    /// # Panics
    ///
    /// If the text contains CR, LF or NUL.
    ///
    /// ```
    /// use sse_proto::EventId;
    ///
    /// const START: EventId = EventId::from_static("0-0");
    /// assert_eq!(START, "0-0");
    /// ```
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            find_line_end_or_nul_in(text).is_none(),
            "event ID contains CR, LF or NUL"
        );
        Self(SharedText::Static(text))
    }

    /// Creates an ID for a single event from the last event ID of a decoder, which has validated it. `None` if it
    /// is not short.
    #[inline]
    pub(crate) fn from_decoded_short(text: &str) -> Option<Self> {
        SharedText::short(text).map(Self)
    }

    /// Creates an ID that many events share from the last event ID of a decoder, which has validated it.
    pub(crate) fn from_decoded(text: &str) -> Self {
        Self(SharedText::new(text))
    }
}

impl From<u32> for EventId {
    /// Creates an ID of the number in decimal digits.
    fn from(number: u32) -> Self {
        Self::from(u64::from(number))
    }
}

impl From<u64> for EventId {
    /// Creates an ID of the number in decimal digits.
    fn from(number: u64) -> Self {
        Self(SharedText::new(decimal(number, &mut [0; 20])))
    }
}

impl From<usize> for EventId {
    /// Creates an ID of the number in decimal digits.
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<i32> for EventId {
    /// Creates an ID of the number in decimal digits.
    fn from(number: i32) -> Self {
        Self::from(i64::from(number))
    }
}

impl From<i64> for EventId {
    /// Creates an ID of the number in decimal digits.
    fn from(number: i64) -> Self {
        Self(SharedText::new(signed_decimal(number, &mut [0; 20])))
    }
}

impl FromStr for EventType {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::new(text)
    }
}

impl TryFrom<&str> for EventType {
    type Error = InvalidValue;

    fn try_from(text: &str) -> Result<Self, InvalidValue> {
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
        Self::new(text)
    }
}

impl TryFrom<&str> for EventId {
    type Error = InvalidValue;

    fn try_from(text: &str) -> Result<Self, InvalidValue> {
        Self::new(text)
    }
}

impl TryFrom<String> for EventId {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        Self::new(text)
    }
}

impl From<EventType> for String {
    /// Returns the text. It is moved, unless it is static.
    fn from(event_type: EventType) -> Self {
        event_type.0.into_owned()
    }
}

impl From<EventId> for String {
    /// Returns the text. It is copied if other IDs may share it.
    fn from(id: EventId) -> Self {
        id.0.into_string()
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

        /// Keys of a map can be looked up as `&str`.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
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

/// Returns the index of the first CR or LF.
const fn find_line_end_in(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut offset = 0;
    while offset < bytes.len() {
        if matches!(bytes[offset], b'\r' | b'\n') {
            return Some(offset);
        }
        offset += 1;
    }
    None
}

/// Returns the index of the first CR, LF or NUL.
const fn find_line_end_or_nul_in(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut offset = 0;
    while offset < bytes.len() {
        if matches!(bytes[offset], b'\r' | b'\n' | b'\0') {
            return Some(offset);
        }
        offset += 1;
    }
    None
}

/// Returns the error for the invalid character at this index.
#[cold]
fn invalid(field: &'static str, text: &str, offset: usize) -> InvalidValue {
    InvalidValue {
        field,
        character: char::from(text.as_bytes()[offset]),
        offset,
    }
}

/// Pointer to text. A clone does not copy the text if the target supports atomic reference counts. On other
/// targets a clone copies it, because with an `Rc`, events would not be `Send`.
#[cfg(target_has_atomic = "ptr")]
type Pointer = alloc::sync::Arc<str>;
#[cfg(not(target_has_atomic = "ptr"))]
type Pointer = Box<str>;

/// Maximum length, in bytes, of text that is not shared if only one event has it. For such text, a reference count
/// costs more than a copy.
const MAX_SHORT_BYTES: usize = 64;

/// Text that is cloned without a copy, unless it is short.
#[derive(Clone)]
enum SharedText {
    Static(&'static str),
    Short(Box<str>),
    Shared(Pointer),
}

impl SharedText {
    /// Creates text that will probably be cloned.
    fn new(text: &str) -> Self {
        match text {
            "" => Self::Static(""),
            text => Self::Shared(text.into()),
        }
    }

    /// Returns the text, and moves it if it is not shared.
    fn into_string(self) -> String {
        match self {
            Self::Short(text) => text.into_string(),
            text => String::from(&*text),
        }
    }

    /// Creates text that will probably not be cloned. `None` if the text is not short.
    #[inline]
    fn short(text: &str) -> Option<Self> {
        (text.len() <= MAX_SHORT_BYTES).then(|| Self::Short(text.into()))
    }
}

impl Default for SharedText {
    fn default() -> Self {
        Self::Static("")
    }
}

impl Deref for SharedText {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Short(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedText {}

impl PartialOrd for SharedText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SharedText {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for SharedText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
