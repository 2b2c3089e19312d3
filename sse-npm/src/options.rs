//! Reads the options object of `js/polyfill.js` or `js/extended.js`.

use core::time::Duration;

use js_sys::{Array, Function, Object, Promise, Reflect};
use sse_wasm::{Builder, ClientConfig, EventId, Request};
use wasm_bindgen::{JsCast, JsError, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Maximum size of an event in the polyfill, in bytes. Browsers have no limit, or one near the longest possible string.
const STANDARD_MAX_EVENT_BYTES: usize = 1 << 28;

/// Creates a builder from the options.
///
/// # Errors
///
/// Returns an error if the last event ID is invalid.
pub(crate) fn builder(url: &str, options: &JsValue) -> Result<Builder, JsError> {
    let options = Options(options);
    let mut builder = Builder::new(url).config(config(&options));
    if options.flag("withCredentials") {
        builder = builder.with_credentials(true);
    }
    if options.flag("isStandard") {
        return Ok(builder.max_error_body_bytes(0).reconnect_on_wake(false));
    }
    if let Some(method) = options.text("method") {
        builder = builder.method(&method);
    }
    if let Some(fetch) = options.function("fetch") {
        builder = builder.fetch_function(fetch);
    }
    if let Some(parts) = options.function("requestParts") {
        builder = builder.map_request(move |request| add_parts(request, parts.clone()));
    }
    if let Some(id) = options.text("lastEventId") {
        let id = EventId::new(id);
        let id = id.map_err(|_| JsError::new("lastEventId is not a valid event ID"))?;
        builder = builder.last_event_id(id);
    }
    if let Some(resend) = options.get("resend") {
        builder = builder.resend(resend.is_truthy());
    }
    if let Some(reconnect) = options.get("reconnectOnWake") {
        builder = builder.reconnect_on_wake(reconnect.is_truthy());
    }
    if options.flag("pauseWhenHidden") {
        builder = builder.pause_when_hidden(true);
    }
    Ok(builder)
}

fn config(options: &Options<'_>) -> ClientConfig {
    let mut config = ClientConfig::default();
    if options.flag("isStandard") {
        return config
            .retry_server_errors(false)
            .jitter(false)
            .head_timeout(None)
            .max_event_bytes(STANDARD_MAX_EVENT_BYTES);
    }
    if !options.flag("retryServerErrors") {
        config = config.retry_server_errors(false);
    }
    if let Some(time) = options.time("reconnectionTime") {
        config = config.reconnection_time(time);
    }
    if let (Some(min), Some(max)) = (options.time("minDelay"), options.time("maxDelay")) {
        config = config.min_delay(min).max_delay(max);
    }
    if let Some(limit) = options.time("maxBackoff") {
        config = config.max_backoff(limit);
    }
    if let Some(timeout) = options.time("headTimeout") {
        config = config.head_timeout(Some(timeout));
    }
    if let Some(timeout) = options.time("idleTimeout") {
        config = config.idle_timeout(Some(timeout));
    }
    if let Some(limit) = options.number("maxEventBytes") {
        config = config.max_event_bytes(limit as usize);
    }
    config
}

/// Adds the headers and the body that a function of the caller returns for this attempt.
async fn add_parts(mut request: Request, parts: Function) -> Result<Request, JsValue> {
    let promise = Promise::resolve(&parts.call0(&JsValue::UNDEFINED)?);
    let parts = JsFuture::from(promise).await?;
    let parts = Options(&parts);
    let headers = parts.get("headers").unwrap_or_else(|| Array::new().into());
    for header in Array::from(&headers) {
        let header = Array::from(&header);
        if let (Some(name), Some(value)) = (header.get(0).as_string(), header.get(1).as_string()) {
            request.headers.push((name, value));
        }
    }
    request.body = parts.get("body");
    Ok(request)
}

/// The own fields of an object. `undefined` and `null` count as not set. Properties of `Object.prototype` do not count.
struct Options<'a>(&'a JsValue);

impl Options<'_> {
    fn get(&self, name: &str) -> Option<JsValue> {
        if !self.0.is_object() {
            return None;
        }
        // Unchecked, because an object without a prototype is not an instance of `Object`.
        let (object, name): (&Object, _) = (self.0.unchecked_ref(), name.into());
        if !Object::has_own(object, &name) {
            return None;
        }
        let value = Reflect::get(object, &name).ok()?;
        (!value.is_null() && !value.is_undefined()).then_some(value)
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.is_truthy())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_string()
    }

    fn function(&self, name: &str) -> Option<Function> {
        self.get(name)?.dyn_into().ok()
    }

    /// Returns a number. `NaN` counts as not set.
    fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64().filter(|number| !number.is_nan())
    }

    /// Returns a time from milliseconds. `Infinity` becomes a time that never passes, and a negative number becomes 0.
    fn time(&self, name: &str) -> Option<Duration> {
        let milliseconds = self.number(name)? as u64;
        Some(Duration::from_millis(milliseconds))
    }
}
