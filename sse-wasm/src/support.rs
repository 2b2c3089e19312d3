//! Feature checks of the browser.

/// Returns whether this window or worker has an `EventSource`.
pub fn is_supported() -> bool {
    has("EventSource")
}

/// Returns whether this window or worker has a `fetch` that can read the body of a response while it arrives.
#[cfg(feature = "fetch")]
pub fn is_fetch_supported() -> bool {
    has("fetch") && has("ReadableStream") && has("AbortController")
}

pub(crate) fn has(name: &str) -> bool {
    js_sys::Reflect::get(&js_sys::global(), &name.into()).is_ok_and(|value| !value.is_undefined())
}
