//! Trait for servers, which get connections back.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};

/// Server that accepts connections, and gets them back when their streams have ended.
//
// A trait object and a permit take no memory on the heap for each connection, as a boxed closure would.
pub trait ConnectionHandler: Send + Sync {
    /// Serves a connection, or serves it again after a stream.
    ///
    /// The event loop calls this on its thread, in the context of its runtime: spawn a task there, which calls
    /// [`serve_connection`](crate::serve_connection). `read_ahead` are bytes that the client has already sent.
    /// The permit is the one that was passed to `serve_connection`.
    fn handle(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
    );
}
