//! The buttons that inject faults.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, session::Session};

/// Time for which a slow page reads nothing, in milliseconds.
const SLOW_TIME_MS: f64 = 6000.0;

/// Time for which the message about a fault is shown, in milliseconds.
const MESSAGE_TIME_MS: f64 = 5000.0;

/// Attaches the handlers of the buttons.
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
        session.slow_down(SLOW_TIME_MS);
        let said = said.clone();
        dom::spawn(async move { say(&said, "The page reads nothing for 6 s.").await });
    })
}

/// Shows a message for a while, or until another message replaces it.
async fn say(place: &Element, text: &str) -> Result<(), JsValue> {
    dom::show(place, text);
    dom::sleep(MESSAGE_TIME_MS).await?;
    if place.text_content().is_some_and(|said| said == text) {
        dom::show(place, "");
    }
    Ok(())
}
