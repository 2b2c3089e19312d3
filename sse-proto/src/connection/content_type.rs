/// Whether the value of `Content-Type` is `text/event-stream`, in any letter case and with any
/// parameters: "process the response ... If the response's status is not 200, or if its
/// `Content-Type` is not `text/event-stream`, then fail the connection." The charset does not matter,
/// for event streams are always UTF-8.
///
/// The essence is read as the MIME Sniffing Standard does
/// ([4.4](https://mimesniff.spec.whatwg.org/#parsing-a-mime-type)): white space around it is no part
/// of it.
pub fn is_event_stream(value: &[u8]) -> bool {
    let essence = value
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    essence.eq_ignore_ascii_case(b"text/event-stream")
}

#[cfg(test)]
mod tests {
    use super::is_event_stream;

    #[test]
    fn parameters_and_letter_case_do_not_matter() {
        for value in [
            "text/event-stream",
            "Text/Event-Stream",
            " text/event-stream ",
            "text/event-stream;charset=utf-8",
            "text/event-stream ; charset=ISO-8859-1; x=\"a;b\"",
            "text/event-stream;",
        ] {
            assert!(is_event_stream(value.as_bytes()), "{value:?}");
        }
        for value in [
            "",
            "text",
            "text/html",
            "text/event-streams",
            "text/event-stream, text/html",
            "text / event-stream",
            "x-text/event-stream",
            "application/x-dom-event-stream",
        ] {
            assert!(!is_event_stream(value.as_bytes()), "{value:?}");
        }
    }
}
