//! Page that uses the browser API directly.

use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{EventSource, MessageEvent};

mod page;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[wasm_bindgen(start)]
fn start() -> Result<(), JsValue> {
    let global = js_sys::global();
    if js_sys::Reflect::get(&global, &"EventSource".into())?.is_undefined() {
        page::show("Sorry! No server-sent events support..");
        return Ok(());
    }
    let source = EventSource::new("/events")?;
    let on_open = Closure::<dyn FnMut()>::new(|| page::show("open"));
    source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    let shown = source.clone();
    let on_error = Closure::<dyn FnMut()>::new(move || {
        page::show(match shown.ready_state() {
            EventSource::CLOSED => "closed",
            _ => "lost",
        });
    });
    source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    let on_event = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        page::show(&event.data().as_string().unwrap_or_default());
    });
    source.set_onmessage(Some(on_event.as_ref().unchecked_ref()));
    let listener = on_event.as_ref().unchecked_ref();
    source.add_event_listener_with_callback("news", listener)?;
    on_open.forget();
    on_error.forget();
    on_event.forget();
    Ok(())
}
