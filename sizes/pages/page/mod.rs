/// Shows the latest news in the page.
pub(crate) fn show(text: &str) {
    let document = web_sys::window().and_then(|window| window.document());
    if let Some(element) = document.and_then(|document| document.get_element_by_id("news")) {
        element.set_text_content(Some(text));
    }
}
