//! Text that many events share.

use alloc::{borrow::Cow, boxed::Box, string::String};
use core::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

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
pub(crate) enum SharedText {
    Static(&'static str),
    Short(Box<str>),
    Shared(Pointer),
}

impl SharedText {
    pub(crate) fn new(text: &str) -> Self {
        match text {
            "" => Self::Static(""),
            text => Self::Shared(text.into()),
        }
    }

    /// Creates text that will probably not be cloned. `None` if the text is not short.
    #[inline]
    pub(crate) fn short(text: &str) -> Option<Self> {
        (text.len() <= MAX_SHORT_BYTES).then(|| Self::Short(text.into()))
    }
}

impl From<Cow<'static, str>> for SharedText {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Static(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        match &*text {
            "" => Self::Static(""),
            _ => Self::Shared(text.into()),
        }
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
