//! Events as text for people.
//!
//! ```text
//! data of a message without an ID
//! [add] data of an event with the type "add"
//! [add #7] data of such an event with the last event ID "7"
//! [add #8]
//!   data with two lines
//!   or more
//! : a comment
//! ```
//!
//! Data cannot be mistaken for something else. If it starts with a space, a bracket or a colon, is empty, or has
//! more than one line, its type is always printed before it.

use sse_proto::MessageEvent;

/// Format of events for people.
#[derive(Clone, Copy)]
pub(crate) struct TextFormat {
    /// Prints everything but the data in a dim colour.
    pub(crate) colours: bool,
    /// Escapes control characters, except newline and tab.
    pub(crate) escapes: bool,
}

impl TextFormat {
    /// Appends an event and a line end.
    pub(crate) fn push_event<I: AsRef<str>>(
        &self,
        event: &MessageEvent<String, I>,
        out: &mut String,
    ) {
        let has_lines = event.data.contains('\n');
        let heading = heading(event, has_lines || is_ambiguous(&event.data));
        if !heading.is_empty() {
            self.push_dim(&heading, out);
        }
        if has_lines {
            for line in event.data.split('\n') {
                out.push_str("\n  ");
                self.push_text(line, out);
            }
        } else {
            if !heading.is_empty() && !event.data.is_empty() {
                out.push(' ');
            }
            self.push_text(&event.data, out);
        }
        out.push('\n');
    }

    /// Appends a comment and a line end.
    pub(crate) fn push_comment(&self, text: &str, out: &mut String) {
        let mut comment = String::from(":");
        self.push_text(text, &mut comment);
        self.push_dim(&comment, out);
        out.push('\n');
    }

    fn push_dim(&self, text: &str, out: &mut String) {
        let (on, off) = match self.colours {
            true => ("\x1b[2m", "\x1b[0m"),
            false => ("", ""),
        };
        out.extend([on, text, off]);
    }

    fn push_text(&self, text: &str, out: &mut String) {
        if self.escapes {
            push_escaped(text, out);
        } else {
            out.push_str(text);
        }
    }
}

/// Appends a text that cannot control a terminal: control characters other than newline and tab are written as
/// `\u{1b}`.
pub(crate) fn push_escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
}

/// Returns the type and the ID in brackets, or nothing for the defaults, unless the data needs a heading.
fn heading<I: AsRef<str>>(event: &MessageEvent<String, I>, is_required: bool) -> String {
    let MessageEvent {
        event_type,
        last_event_id,
        ..
    } = event;
    match (&**event_type, last_event_id.as_ref()) {
        ("message", "") if is_required => "[message]".to_owned(),
        ("message", "") => String::new(),
        ("message", id) => format!("[#{}]", quoted(id)),
        (event_type, "") => format!("[{}]", quoted(event_type)),
        (event_type, id) => format!("[{} #{}]", quoted(event_type), quoted(id)),
    }
}

fn is_ambiguous(data: &str) -> bool {
    data.is_empty() || data.starts_with([' ', '[', ':'])
}

/// Returns the text in quotes, if its end would be unclear without them.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !"[]#".contains(c) && c.escape_debug().eq([c]);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use sse_proto::{Chunk, Decoder, Item};

    use super::TextFormat;

    /// Returns the output for a stream.
    fn shown(format: TextFormat, stream: &str) -> String {
        let mut decoder = Decoder::new();
        let mut chunk = Chunk::from(stream);
        let mut out = String::new();
        while let Ok(Some(item)) = decoder.decode(&mut chunk) {
            match item.map(str::to_owned) {
                Item::Event(event) => format.push_event(&event, &mut out),
                Item::Comment(text) => format.push_comment(&text, &mut out),
                _ => {}
            }
        }
        out
    }

    const PIPE: TextFormat = TextFormat {
        colours: false,
        escapes: false,
    };

    const TERMINAL: TextFormat = TextFormat {
        colours: true,
        escapes: true,
    };

    #[test]
    fn what_is_not_default_is_told() {
        let stream =
            "data: a\n\nevent: add\ndata: b\n\nid: 7\ndata: c\n\n: d\n\nevent: add\ndata\n\n";
        let expected = "a\n[add] b\n[#7] c\n: d\n[add #7]\n";
        assert_eq!(shown(PIPE, stream), expected);
    }

    #[test]
    fn no_data_looks_like_something_else() {
        let stream = "data: [DONE]\n\ndata:  a\n\ndata: :b\n\ndata\n\ndata: c\ndata:  d\n\n";
        let expected =
            "[message] [DONE]\n[message]  a\n[message] :b\n[message]\n[message]\n  c\n   d\n";
        assert_eq!(shown(PIPE, stream), expected);
        let stream = "event: a] b\nid: 1\u{1b} 2\ndata: c\n\n";
        assert_eq!(shown(PIPE, stream), "[\"a] b\" #\"1\\u{1b} 2\"] c\n");
    }

    #[test]
    fn a_terminal_has_nothing_to_obey() {
        let stream = "data: \u{1b}[31m\u{9b}0m\tred\x07\ndata: é\n\n:\u{1b}\n";
        let expected = "\x1b[2m[message]\x1b[0m\n  \\u{1b}[31m\\u{9b}0m\tred\\u{7}\n  é\n\
                        \x1b[2m:\\u{1b}\x1b[0m\n";
        assert_eq!(shown(TERMINAL, stream), expected);
        assert!(shown(PIPE, stream).contains("\u{1b}[31m\u{9b}0m\tred\x07\n"));
    }
}
