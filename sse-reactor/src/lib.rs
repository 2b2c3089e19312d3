//! Serves the subscribers of a hub with a few hundred bytes of memory each.
//!
//! With hyper alone, an idle connection takes about 11 KB: its buffers, its task and its registration with tokio. This
//! crate lets hyper read and check the request, and write the head of the response. Then it hands the connection to an
//! event loop, which writes the events of [`sse-hub`](https://docs.rs/sse-hub) to all of its sockets.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod chunk;
mod connection;
mod event_loop;
mod group;
mod hand_off;
mod reactor;
mod signals;
mod subscriber;

pub use connection::{Connection, HttpService, RequestBody, serve_connection};
pub use hand_off::HubEvents;
pub use reactor::Reactor;

pub(crate) use reactor::OnReturn;
