//! Events of Datastar 1.0, whose data are lines of the form `NAME VALUE`.
//!
//! No argument can add a line of another name, nor a field of the event stream:
//!
//! - A value of several lines becomes several lines of its own name, if the protocol allows it. CR, LF and CRLF end a
//!   line, because a browser reads each of them as the end of a line.
//! - A selector has one line. Other values are refused.
//! - A script cannot end its element, and an attribute cannot end its name or its value.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

use serde_json::Value;
use sse_hyper::{Event, EventType};

use crate::html::Escaped;

const PATCH_ELEMENTS: EventType = EventType::from_static("datastar-patch-elements");
const PATCH_SIGNALS: EventType = EventType::from_static("datastar-patch-signals");

/// Place of the elements, relative to the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(dead_code, reason = "the page does not use all modes")]
pub(crate) enum Mode {
    /// Morphs the target.
    #[default]
    Outer,
    /// Morphs the content of the target.
    Inner,
    /// Replaces the target, with its state.
    Replace,
    /// Adds the elements at the start of the target.
    Prepend,
    /// Adds the elements at the end of the target.
    Append,
    /// Adds the elements before the target.
    Before,
    /// Adds the elements after the target.
    After,
    /// Removes the target.
    Remove,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Outer => "outer",
            Self::Inner => "inner",
            Self::Replace => "replace",
            Self::Prepend => "prepend",
            Self::Append => "append",
            Self::Before => "before",
            Self::After => "after",
            Self::Remove => "remove",
        }
    }

    /// Returns whether the elements can name their targets by their IDs.
    fn finds_targets_by_id(self) -> bool {
        matches!(self, Self::Outer | Self::Replace)
    }
}

/// Namespace of the elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(dead_code, reason = "the page does not use all namespaces")]
pub(crate) enum Namespace {
    #[default]
    Html,
    Svg,
    MathMl,
}

impl Namespace {
    fn as_str(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Svg => "svg",
            Self::MathMl => "mathml",
        }
    }
}

/// Builder of an event that changes elements of the page.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct PatchElements<'a> {
    elements: &'a str,
    selector: Option<&'a str>,
    mode: Mode,
    namespace: Namespace,
    use_view_transition: bool,
}

impl<'a> PatchElements<'a> {
    /// Morphs the elements of the page that have the IDs of these elements.
    pub(crate) fn new(elements: &'a str) -> Self {
        Self {
            elements,
            selector: None,
            mode: Mode::default(),
            namespace: Namespace::default(),
            use_view_transition: false,
        }
    }

    /// Removes the elements that a CSS selector matches.
    pub(crate) fn remove(selector: &'a str) -> Self {
        Self::new("").selector(selector).mode(Mode::Remove)
    }

    /// Sets the CSS selector of the targets.
    pub(crate) fn selector(mut self, selector: &'a str) -> Self {
        self.selector = Some(selector);
        self
    }

    /// Sets the place of the elements.
    pub(crate) fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the namespace of the elements.
    #[allow(dead_code, reason = "the page has only HTML")]
    pub(crate) fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = namespace;
        self
    }

    /// Sets whether the browser animates the change.
    #[allow(dead_code, reason = "the page has no animations")]
    pub(crate) fn use_view_transition(mut self, use_view_transition: bool) -> Self {
        self.use_view_transition = use_view_transition;
        self
    }

    /// Returns the event.
    ///
    /// # Errors
    ///
    /// If the selector is missing for the mode, or has several lines.
    pub(crate) fn event(self) -> Result<Event, InvalidArgument> {
        let mut arguments = Arguments::default();
        match self.selector {
            Some(selector) if selector.contains(['\r', '\n']) => {
                return Err(InvalidArgument::SelectorLines(selector.to_owned()));
            }
            Some(selector) => arguments.add("selector", selector),
            None if self.mode.finds_targets_by_id() => {}
            None => return Err(InvalidArgument::NoSelector(self.mode)),
        }
        if self.mode != Mode::default() {
            arguments.add("mode", self.mode.as_str());
        }
        if self.namespace != Namespace::default() {
            arguments.add("namespace", self.namespace.as_str());
        }
        if self.use_view_transition {
            arguments.add("useViewTransition", "true");
        }
        if self.mode != Mode::Remove {
            arguments.add("elements", self.elements);
        }
        Ok(arguments.into_event(PATCH_ELEMENTS))
    }
}

/// Builder of an event that changes signals of the page, by the rules of JSON Merge Patch (RFC 7386).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct PatchSignals<'a> {
    signals: &'a Value,
    only_if_missing: bool,
}

impl<'a> PatchSignals<'a> {
    /// Sets these signals. A signal whose value is `null` is removed.
    pub(crate) fn new(signals: &'a Value) -> Self {
        Self {
            signals,
            only_if_missing: false,
        }
    }

    /// Sets whether signals that the page has keep their values.
    #[allow(dead_code, reason = "the page sets its own initial values")]
    pub(crate) fn only_if_missing(mut self, only_if_missing: bool) -> Self {
        self.only_if_missing = only_if_missing;
        self
    }

    /// Returns the event.
    pub(crate) fn event(self) -> Event {
        let mut arguments = Arguments::default();
        if self.only_if_missing {
            arguments.add("onlyIfMissing", "true");
        }
        arguments.add("signals", &self.signals.to_string());
        arguments.into_event(PATCH_SIGNALS)
    }
}

/// Builder of an event that runs a script in the page. The event adds an element `<script>` to the body.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct ExecuteScript<'a> {
    script: &'a str,
    attributes: &'a [(&'a str, &'a str)],
    auto_remove: bool,
}

impl<'a> ExecuteScript<'a> {
    /// Runs this script, and removes its element.
    pub(crate) fn new(script: &'a str) -> Self {
        Self {
            script,
            attributes: &[],
            auto_remove: true,
        }
    }

    /// Sets the attributes of the element, each with its name and its value.
    #[allow(dead_code, reason = "the script of the page needs no attributes")]
    pub(crate) fn attributes(mut self, attributes: &'a [(&'a str, &'a str)]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Sets whether the element is removed after the script has run.
    #[allow(dead_code, reason = "the page does not need the element")]
    pub(crate) fn auto_remove(mut self, auto_remove: bool) -> Self {
        self.auto_remove = auto_remove;
        self
    }

    /// Returns the event.
    ///
    /// # Errors
    ///
    /// If the script has text that HTML does not read as a part of a script, or the name of an attribute is invalid.
    pub(crate) fn event(self) -> Result<Event, InvalidArgument> {
        // After `<!--` and `<script`, `</script>` would not end the element.
        let script = self.script.to_ascii_lowercase();
        if script.contains("</script") || script.contains("<!--") {
            return Err(InvalidArgument::Script(self.script.to_owned()));
        }
        let mut element = String::from("<script");
        for (name, value) in self.attributes {
            if !is_attribute_name(name) {
                return Err(InvalidArgument::AttributeName((*name).to_owned()));
            }
            let value = Escaped(value);
            let _ = write!(element, " {name}=\"{value}\"");
        }
        if self.auto_remove {
            element += " data-effect=\"el.remove()\"";
        }
        let _ = write!(element, ">{}</script>", self.script);
        PatchElements::new(&element)
            .selector("body")
            .mode(Mode::Append)
            .event()
    }
}

/// Returns whether a text is the name of an attribute in each context of HTML.
fn is_attribute_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

/// Argument that has no place in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InvalidArgument {
    /// The selector has several lines.
    SelectorLines(String),
    /// The mode needs a selector.
    NoSelector(Mode),
    /// The script has `</script` or `<!--`.
    Script(String),
    /// The attribute has a name that HTML does not allow.
    AttributeName(String),
}

impl fmt::Display for InvalidArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelectorLines(selector) => write!(f, "selector has several lines: {selector:?}"),
            Self::NoSelector(mode) => {
                write!(f, "selector is missing, mode {} needs one", mode.as_str())
            }
            Self::Script(script) => write!(f, "script has `</script` or `<!--`: {script:?}"),
            Self::AttributeName(name) => write!(f, "attribute name is invalid: {name:?}"),
        }
    }
}

impl Error for InvalidArgument {}

/// Data of an event, up to some argument.
#[derive(Default)]
struct Arguments(String);

impl Arguments {
    /// Adds a value, with its name before each of its lines.
    fn add(&mut self, name: &'static str, value: &str) {
        for line in value.replace("\r\n", "\n").split(['\r', '\n']) {
            if !self.0.is_empty() {
                self.0.push('\n');
            }
            self.0.push_str(name);
            // Also before an empty line, because the page looks for the end of the name here.
            self.0.push(' ');
            self.0.push_str(line);
        }
    }

    fn into_event(self, event_type: EventType) -> Event {
        Event::new(self.0).with_type(event_type)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use sse_proto::{Chunk, Decoder, Item};

    use super::*;

    /// Returns texts that would forge a line or a field after a line break: at their start, in their middle, at their
    /// end.
    fn hostile() -> Vec<String> {
        let forged = [
            "",
            "selector #forged",
            "mode remove",
            "elements forged",
            "signals {\"forged\":1}",
            "onlyIfMissing true",
            "useViewTransition true",
            "data: selector #forged",
            "event: forged",
            "id: forged",
            "retry: 1",
            ": forged",
        ];
        let breaks = ["\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n", "\n\r"];
        let texts = forged.iter().flat_map(|forged| {
            breaks.iter().flat_map(move |end| {
                [
                    format!("{end}{forged}"),
                    format!("{forged}{end}"),
                    format!("a{end}{forged}{end}b"),
                    format!("{end}{forged}{end}"),
                ]
            })
        });
        texts.collect()
    }

    /// Reads an event as the page does. Returns its type, and the value of each name.
    fn read(event: &Event) -> (String, BTreeMap<String, String>) {
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let mut chunk = Chunk::new(&bytes);
        let mut decoder = Decoder::new();
        let Some(Item::Event(read)) = decoder.decode(&mut chunk).expect("a small event") else {
            panic!("not an event: {event:?}");
        };
        assert_eq!(read.last_event_id, "");
        let mut arguments = BTreeMap::<_, Vec<_>>::new();
        for line in read.data.split('\n') {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            arguments.entry(name.to_owned()).or_default().push(value);
        }
        let arguments = arguments
            .into_iter()
            .map(|(name, lines)| (name, lines.join("\n")))
            .collect();
        let read = (read.event_type.to_owned(), arguments);
        assert_eq!(decoder.decode(&mut chunk), Ok(None), "{event:?}");
        read
    }

    fn expected(
        event_type: &str,
        arguments: &[(&str, &str)],
    ) -> (String, BTreeMap<String, String>) {
        let arguments = arguments
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        (event_type.to_owned(), arguments.collect())
    }

    /// Returns the text as a browser shows it.
    fn normalized(text: &str) -> String {
        text.replace("\r\n", "\n").replace('\r', "\n")
    }

    #[test]
    fn all_arguments_of_elements_have_their_lines() {
        let event = PatchElements::new("<p>\n</p>")
            .selector("#a > b")
            .mode(Mode::Before)
            .namespace(Namespace::Svg)
            .use_view_transition(true)
            .event()
            .unwrap();
        let arguments = [
            ("selector", "#a > b"),
            ("mode", "before"),
            ("namespace", "svg"),
            ("useViewTransition", "true"),
            ("elements", "<p>\n</p>"),
        ];
        assert_eq!(
            read(&event),
            expected("datastar-patch-elements", &arguments)
        );
    }

    #[test]
    fn elements_forge_nothing() {
        for text in hostile() {
            let event = PatchElements::new(&text).event().unwrap();
            let arguments = [("elements", &*normalized(&text))];
            assert_eq!(
                read(&event),
                expected("datastar-patch-elements", &arguments)
            );
        }
    }

    #[test]
    fn selectors_of_several_lines_are_refused() {
        for text in hostile() {
            let invalid = Err(InvalidArgument::SelectorLines(text.clone()));
            assert_eq!(PatchElements::new("").selector(&text).event(), invalid);
            assert_eq!(PatchElements::remove(&text).event(), invalid);
        }
    }

    #[test]
    fn modes_without_ids_need_a_selector() {
        for mode in [Mode::Outer, Mode::Replace] {
            assert!(PatchElements::new("").mode(mode).event().is_ok());
        }
        for mode in [
            Mode::Inner,
            Mode::Prepend,
            Mode::Append,
            Mode::Before,
            Mode::After,
            Mode::Remove,
        ] {
            let event = PatchElements::new("").mode(mode).event();
            assert_eq!(event, Err(InvalidArgument::NoSelector(mode)));
        }
        let removed = [("selector", "#a"), ("mode", "remove")];
        assert_eq!(
            read(&PatchElements::remove("#a").event().unwrap()),
            expected("datastar-patch-elements", &removed)
        );
    }

    #[test]
    fn signals_forge_nothing() {
        for text in hostile() {
            let signals = json!({ "value": text, &text: [{ "value": &text }] });
            let event = PatchSignals::new(&signals).only_if_missing(true).event();
            let arguments = [
                ("onlyIfMissing", "true"),
                ("signals", &*signals.to_string()),
            ];
            assert_eq!(read(&event), expected("datastar-patch-signals", &arguments));
        }
    }

    #[test]
    fn scripts_forge_nothing() {
        for text in hostile() {
            let event = ExecuteScript::new(&text)
                .attributes(&[("data-text", &text)])
                .event()
                .unwrap();
            let value = Escaped(&text).to_string();
            let element = format!(
                "<script data-text=\"{value}\" data-effect=\"el.remove()\">{text}</script>"
            );
            let arguments = [
                ("selector", "body"),
                ("mode", "append"),
                ("elements", &*normalized(&element)),
            ];
            assert_eq!(
                read(&event),
                expected("datastar-patch-elements", &arguments)
            );
            let event = ExecuteScript::new("").attributes(&[(&text, "")]).event();
            assert_eq!(event, Err(InvalidArgument::AttributeName(text)));
        }
    }

    #[test]
    fn scripts_do_not_end_their_element() {
        for text in ["</script>", "</SCRIPT >", "a</script", "<!--<script>"] {
            let event = ExecuteScript::new(text).event();
            assert_eq!(event, Err(InvalidArgument::Script(text.to_owned())));
        }
        for name in ["", "a b", "a>", "a=b", "a/", "a\"", "a\0", "ä"] {
            let event = ExecuteScript::new("").attributes(&[(name, "")]).event();
            assert_eq!(event, Err(InvalidArgument::AttributeName(name.to_owned())));
        }
        let event = ExecuteScript::new("run()")
            .attributes(&[("type", "\">")])
            .auto_remove(false)
            .event()
            .unwrap();
        let element = "<script type=\"&quot;&gt;\">run()</script>";
        let arguments = [
            ("selector", "body"),
            ("mode", "append"),
            ("elements", element),
        ];
        assert_eq!(
            read(&event),
            expected("datastar-patch-elements", &arguments)
        );
    }
}
