use core::fmt;
use std::rc::Rc;

use wasm_bindgen::{JsCast, closure::Closure};

use crate::connection::Connection;

/// A callback that is attached to a connection, and keeps the connection open.
///
/// Dropping it detaches and frees the callback, even from within the callback.
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    connection: Rc<Connection>,
    name: String,
    listener: Listener,
}

pub(crate) type Listener = Closure<dyn FnMut(web_sys::Event)>;

impl Subscription {
    pub(crate) fn new(
        connection: &Rc<Connection>,
        name: &str,
        callback: impl FnMut(web_sys::Event) + 'static,
    ) -> Self {
        let listener = Listener::new(callback);
        connection.listen(name, listener.as_ref().unchecked_ref());
        Self {
            connection: Rc::clone(connection),
            name: name.to_owned(),
            listener,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let listener = self.listener.as_ref().unchecked_ref();
        self.connection.stop_listening(&self.name, listener);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
