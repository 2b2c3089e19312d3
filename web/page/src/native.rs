//! The browser's own `EventSource`, which fills the feeds of the page.

use core::cell::RefCell;
use std::rc::Rc;

use futures_util::StreamExt;
use js_sys::Object;
use sse_proto::Event as Block;
use sse_wasm::{DisconnectReason, Event, Item, ItemStream};
use wasm_bindgen::JsValue;

use crate::{
    client::{Client, is_reset},
    controls::Controls,
    counters::Counters,
    dom,
    feeds::Feeds,
    log::Log,
};

/// The event types that the page shows.
const EVENT_TYPES: [&str; 7] = [
    "time", "stocks", "news", "scores", "server", "reset", "lagged",
];

/// Query parameter for the last event ID, in the URL of a new `EventSource`.
const LAST_EVENT_ID_PARAMETER: &str = "lastEventId";

/// The client, and the elements that show its events.
pub(crate) struct Page {
    client: Client,
    feeds: Feeds,
    counters: Counters,
}

/// Shows the events, as long as the page exists.
pub(crate) async fn run(page: Rc<RefCell<Page>>, controls: Rc<Controls>) -> Result<(), JsValue> {
    loop {
        while let End::Incomplete = run_connection(&page, &controls).await? {}
        let reason = "the server responded with 204 to the fetch client";
        page.borrow_mut().client.close(reason)?;
        controls.wait_for_restart().await?;
    }
}

/// The reason why a connection ends.
enum End {
    /// The queue was full, or the server could not resume. A new connection gets the missing events.
    Incomplete,
    Closed,
}

async fn run_connection(page: &RefCell<Page>, controls: &Controls) -> Result<End, JsValue> {
    let mut items = page.borrow_mut().connect(controls)?;
    while let Some(item) = items.next().await {
        let is_incomplete = matches!(item, Item::Lagged(_)) || is_reset(&item);
        page.borrow_mut().show(item)?;
        if is_incomplete {
            return Ok(End::Incomplete);
        }
        controls.wait_while_paused().await?;
    }
    Ok(End::Closed)
}

impl Page {
    /// Finds the elements of the page.
    pub(crate) fn find() -> Result<Self, JsValue> {
        Ok(Self {
            client: Client::find("", Log::find("log", "events.sse")?)?,
            feeds: Feeds::find()?,
            counters: Counters::find()?,
        })
    }

    /// Updates what depends on the time.
    pub(crate) fn tick(&mut self) -> Result<(), JsValue> {
        self.client.tick()?;
        self.feeds.tick()
    }

    fn connect(&mut self, controls: &Controls) -> Result<ItemStream, JsValue> {
        self.client.connect()?;
        let builder = controls.builder(self.client.last_event_id());
        let source = builder
            .reconnect_with_query(LAST_EVENT_ID_PARAMETER)
            .native();
        let source = source.map_err(|error| JsValue::from(error.to_string()))?;
        controls.set_native(source.clone());
        Ok(source.items(EVENT_TYPES))
    }

    /// Shows an item.
    fn show(&mut self, mut item: Item) -> Result<(), JsValue> {
        match &mut item {
            Item::Lagged(dropped) => {
                let dropped = dom::format_integer(*dropped)?;
                let note = ["too slow for ", &dropped, " events, requesting them again"].concat();
                self.client.log.note("note", &note)?;
            }
            // The browser gave up without a reason, and a network error is only assumed.
            Item::Disconnected(disconnected)
                if disconnected.reason == Some(DisconnectReason::NetworkError) =>
            {
                disconnected.reason = None;
            }
            _ => {}
        }
        self.client.show(&item)?;
        match item {
            item if is_reset(&item) => self.feeds.clear(),
            Item::Event(event) => self.show_event(event),
            _ => Ok(()),
        }
    }

    /// Logs an event, and shows it in its feed. Invalid data is logged, and has no other effect.
    fn show_event(&mut self, event: Event) -> Result<(), JsValue> {
        if event.event_type == "lagged" {
            return Ok(());
        }
        let log = &self.client.log;
        let is_counters = event.event_type == "server";
        let shown = match is_counters {
            true => self.counters.show(&event.data),
            false => self.feeds.show(&event),
        };
        if let Err(error) = shown {
            let error = String::from(Object::from(error).to_string());
            let subject = ["cannot show event ", event.last_event_id.as_str(), ": "].concat();
            log.note("fault", &[subject, error].concat())?;
        }
        if is_counters {
            return Ok(());
        }
        let row = dom::create("li", "", "")?;
        row.set_attribute("data-event-id", &event.last_event_id)?;
        dom::append(&row, "span", "id", &event.last_event_id)?;
        dom::append(&row, "span", "type", &event.event_type)?;
        dom::append(&row, "span", "data", &event.data)?;
        let mut block = String::new();
        if let Ok(event) = Block::try_from(event) {
            event.encode(&mut block);
        }
        log.push(row, block)
    }
}
