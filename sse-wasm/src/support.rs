//! What the browser can do.

/// Whether this window or worker has an `EventSource`.
pub fn is_supported() -> bool {
    has("EventSource")
}

/// Whether this window or worker can read the body of a response while it comes.
#[cfg(feature = "fetch")]
pub fn is_fetch_supported() -> bool {
    has("fetch") && has("ReadableStream") && has("AbortController")
}

pub(crate) fn has(name: &str) -> bool {
    js_sys::Reflect::get(&js_sys::global(), &name.into()).is_ok_and(|value| !value.is_undefined())
}
