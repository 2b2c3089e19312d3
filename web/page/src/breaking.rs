//! The buttons that break something.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, session::Session};

/// How long the page reads nothing when it is to be slow, in milliseconds.
const SLOW: f64 = 6000.0;

/// How long it is said what is broken.
const SAID: f64 = 5000.0;

/// Has the buttons do what they say.
pub(crate) fn set_up(session: &Rc<Session>) -> Result<(), JsValue> {
    let said = dom::by_id("fault")?;
    for button in dom::all("[data-fault]")? {
        let name = button.get_attribute("data-fault").unwrap_or_default();
        let (url, said) = (session.fault(&name), said.clone());
        dom::on(&button, "click", move |_| {
            let (url, said) = (url.clone(), said.clone());
            dom::spawn(async move {
                match dom::post(&url).await {
                    Ok(answer) => say(&said, &answer).await,
                    Err(_) => say(&said, "The server cannot be reached.").await,
                }
            });
        })?;
    }
    let slow = dom::by_id("slow")?;
    let session = Rc::clone(session);
    dom::on(&slow, "click", move |_| {
        session.slow_down(SLOW);
        let said = said.clone();
        dom::spawn(async move { say(&said, "The page reads nothing for 6 s.").await });
    })
}

/// Says something for a while, or until there is something else to say.
async fn say(place: &Element, text: &str) -> Result<(), JsValue> {
    dom::show(place, text);
    dom::sleep(SAID).await?;
    if place.text_content().is_some_and(|said| said == text) {
        dom::show(place, "");
    }
    Ok(())
}
