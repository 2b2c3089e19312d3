//! The client over `fetch`, which shows the raw frames.

use core::{cell::RefCell, time::Duration};
use std::rc::Rc;

use futures_util::StreamExt;
use js_sys::Date;
use sse_proto::{Comment, Event as Block, EventId};
use sse_wasm::Item;
use wasm_bindgen::JsValue;

use crate::{
    client::{Client, is_reset},
    controls::Controls,
    dom,
    log::Log,
};

/// Maximum time of work before the browser may draw, in milliseconds.
const MAX_WORK_MS: f64 = 12.0;

/// Shows the events, as long as the page exists.
///
/// A hidden page reads nothing, because all tabs together have only a few connections to a server.
pub(crate) async fn run(
    client: Rc<RefCell<Client>>,
    controls: Rc<Controls>,
) -> Result<(), JsValue> {
    loop {
        client.borrow_mut().connect()?;
        let builder = controls.builder(client.borrow().last_event_id());
        let mut source = match builder.pause_when_hidden(true).fetch() {
            Ok(source) => source,
            Err(error) => return client.borrow_mut().close(&error.to_string()),
        };
        let mut frames = Frames::new(&client.borrow().log);
        let mut last_break = 0.0;
        let mut was_reset = false;
        while let Some(item) = source.next().await {
            client.borrow_mut().show(&item)?;
            if let Item::Closed(_) = item {
                controls.close_native();
            }
            was_reset = is_reset(&item);
            frames.show(item)?;
            if was_reset {
                break;
            }
            controls.wait_while_paused().await?;
            // A large chunk can have hundreds of events, and the page must stay responsive.
            if Date::now() - last_break > MAX_WORK_MS {
                dom::sleep(0.0).await?;
                last_break = Date::now();
            }
        }
        if !was_reset {
            controls.wait_for_restart().await?;
        }
    }
}

/// The log of the raw frames.
struct Frames {
    log: Log,
    /// A reconnection time that was received, to show with the next event.
    retry: Option<Duration>,
    last_event_id: String,
}

impl Frames {
    fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            retry: None,
            last_event_id: String::new(),
        }
    }

    /// Logs an item if it is a frame.
    fn show(&mut self, item: Item) -> Result<(), JsValue> {
        let mut wire = String::new();
        match item {
            Item::Event(mut event) => {
                if event.last_event_id == self.last_event_id {
                    // The ID is from an earlier event, not from this frame.
                    event.last_event_id = EventId::default();
                } else {
                    event
                        .last_event_id
                        .as_str()
                        .clone_into(&mut self.last_event_id);
                }
                let Ok(mut block) = Block::try_from(event) else {
                    return Ok(());
                };
                if let Some(time) = self.retry.take() {
                    block = block.with_retry(time);
                }
                block.encode(&mut wire);
            }
            Item::Comment(text) => Comment::new(&text).encode(&mut wire),
            Item::Retry(time) => {
                self.retry = Some(time);
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.log
            .push(dom::create("li", "data", wire.trim_end())?, wire)
    }
}
