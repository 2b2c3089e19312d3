//! Long tests and measurements. They run in a window, and alone.

use core::cell::RefCell;
use std::rc::Rc;

use js_sys::Array;
use sse_wasm::Builder;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_test::{console_log, wasm_bindgen_test};

use crate::{
    client::{Client, read_numbers, short_delays},
    environment::{call, now},
    leaks,
    resume::check_resumption_after,
    servers::Script,
};

#[wasm_bindgen_test]
async fn ten_thousand_events_a_second() {
    page_stays_responsive(2).await;
}

#[wasm_bindgen_test]
#[ignore]
async fn ten_thousand_events_a_second_for_ten_seconds() {
    page_stays_responsive(10).await;
}

#[wasm_bindgen_test]
async fn ten_thousand_connections_leak_nothing() {
    leaks::event_source(10_000).await;
    leaks::fetch(10_000).await;
}

#[wasm_bindgen_test]
#[ignore]
async fn resumes_after_ten_seconds_without_a_server() {
    check_resumption_after(10_000).await;
}

/// Minimum number of frames that prove that the page is not blocked.
const MIN_FRAMES: usize = 10;

/// Number of events after which a page with fewer frames counts as blocked.
const MAX_EVENTS: u64 = 2_000_000;

/// Reads ten thousand events a second, at least for this time and until the page has shown ten frames.
///
/// The frame rate depends on the load of the machine. A blocked page shows no frame before the end of the stream, at
/// any load.
async fn page_stays_responsive(seconds: u64) {
    for client in Client::BOTH {
        let frames = count_frames(client, seconds).await;
        assert!(frames >= MIN_FRAMES, "{client:?}: {frames} frames");
    }
}

/// Reads the events, and returns the number of frames that the page has shown meanwhile.
async fn count_frames(client: Client, seconds: u64) -> usize {
    let script = Script::new(&format!("/events?n={MAX_EVENTS}&every=0.1&then=silence"));
    let mut items = client.open(Builder::new(&script.url).config(short_delays()), &[]);
    read_numbers(&mut items, 1..=1).await;
    let (start, frames) = (now(), Frames::watch());
    let mut count = 1;
    while count < MAX_EVENTS && (count < seconds * 10_000 || frames.count() < MIN_FRAMES) {
        let next = count + 1;
        count = MAX_EVENTS.min(count + 1000);
        assert_eq!(read_numbers(&mut items, next..=count).await, []);
    }
    let (time, times) = (now() - start, frames.times());
    let longest = times.iter().copied().fold(0.0, f64::max);
    console_log!(
        "{client:?}: {count} events in {:.2} s, {} frames, longest frame {longest:.1} ms",
        time / 1000.0,
        times.len(),
    );
    times.len()
}

/// The times between the frames that the page shows.
struct Frames(Rc<RefCell<Vec<f64>>>);

impl Frames {
    fn watch() -> Self {
        let times = Rc::new(RefCell::new(vec![now()]));
        let weak_times = Rc::downgrade(&times);
        let callback = Rc::new(RefCell::new(None::<Closure<dyn FnMut()>>));
        let again = Rc::clone(&callback);
        let request = move || {
            let callback = again.borrow();
            if let Some(callback) = &*callback {
                call("requestAnimationFrame", &Array::of1(callback.as_ref()));
            }
        };
        let first = request.clone();
        callback.replace(Some(Closure::new(move || {
            if let Some(times) = weak_times.upgrade() {
                times.borrow_mut().push(now());
                request();
            }
        })));
        first();
        Self(times)
    }

    fn count(&self) -> usize {
        self.0.borrow().len() - 1
    }

    fn times(&self) -> Vec<f64> {
        let times = self.0.borrow();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}
