//! Traits that programs rely on and that no method shows: `Send`, `Sync` and `Unpin`.

use std::future::Future;

use sse_source::{
    BoxError, Builder, ClientConfig, DecodeError, DisconnectReason, Disconnected, Error, EventId,
    EventSource, Events, EventsOnly, FailedAttempt, Handle, Item, MessageEvent, Proxy, ProxyError,
    ResponseHead, Transport, TransportBuilder, UnexpectedResponse,
};

fn send<T: Send>() {}
fn send_sync<T: Send + Sync>() {}
fn unpin<T: Unpin>() {}
fn future<T: Future + Send>(_: impl FnOnce() -> T) {}

#[test]
fn streams_are_send_and_unpin() {
    send::<EventSource>();
    unpin::<EventSource>();
    send::<Events>();
    unpin::<Events>();
    send::<EventsOnly<EventSource>>();
    unpin::<EventsOnly<EventSource>>();
    send::<EventsOnly<Events>>();
    unpin::<EventsOnly<Events>>();
}

#[cfg(feature = "json")]
#[test]
fn streams_of_json_are_send_and_unpin() {
    use std::{marker::PhantomPinned, rc::Rc};

    use sse_source::{InvalidJson, JsonEvents};

    send::<JsonEvents<EventSource, Rc<()>>>();
    unpin::<JsonEvents<Events, PhantomPinned>>();
    send_sync::<InvalidJson>();
}

#[test]
fn all_other_types_are_send_sync_and_unpin() {
    send_sync::<Builder>();
    unpin::<Builder>();
    send_sync::<ClientConfig>();
    send_sync::<Handle>();
    unpin::<Handle>();
    send_sync::<Transport>();
    unpin::<Transport>();
    send_sync::<TransportBuilder>();
    send_sync::<Proxy>();
    send_sync::<FailedAttempt<'_>>();
    send_sync::<Item>();
    send_sync::<MessageEvent>();
    send_sync::<EventId>();
    send_sync::<ResponseHead>();
    send_sync::<Disconnected>();
    send_sync::<DisconnectReason>();
    send_sync::<UnexpectedResponse>();
    send_sync::<BoxError>();
    send_sync::<DecodeError>();
    send_sync::<Error>();
    send_sync::<ProxyError>();
}

#[cfg(feature = "rustls")]
#[test]
fn errors_of_tls_are_send_and_sync() {
    send_sync::<sse_source::TlsError>();
}

#[cfg(feature = "testing")]
#[test]
fn the_scripted_server_is_send_and_sync() {
    send_sync::<sse_source::testing::ScriptedServer>();
    send_sync::<sse_source::testing::ScriptedResponse>();
}

#[test]
fn futures_are_send() {
    future(|| EventSource::get("http://127.0.0.1/").send());
    future(|| Events::from_response(http::Response::new(String::new())));
}

#[cfg(feature = "reqwest")]
#[test]
fn futures_over_reqwest_are_send() {
    use sse_source::RequestBuilderExt;

    future(|| reqwest::Client::new().get("http://127.0.0.1/").events());
}
