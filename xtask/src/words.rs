//! Forms of prose and names that this project does not use. `xtask/words.toml` lists them with their reasons.

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde::Deserialize;

use crate::run::{command, output, root};

/// Path of the list in the workspace.
const LIST: &str = "xtask/words.toml";

/// Fails if a Rust or Markdown file of the repository has a form of the list.
pub(crate) fn check() -> Result<()> {
    let list = fs::read_to_string(root().join(LIST)).context(LIST)?;
    let forms = forms(&list)?;
    let files = output(command("git", "ls-files *.rs *.md")).context("git ls-files")?;
    let mut report = String::new();
    let mut count = 0;
    for path in files.split('\n') {
        // A file that was deleted is still listed until that is committed.
        let Ok(text) = fs::read_to_string(root().join(path)) else {
            continue;
        };
        for passage in passages(path, &text) {
            for form in forms.iter().filter(|form| form.is_in(&passage)) {
                count += 1;
                let Passage { line, text, .. } = &passage;
                writeln!(report, "{path}:{line}: {text}\n    {}", form.reason)?;
            }
        }
    }
    ensure!(count == 0, "{report}{count} forms that {LIST} lists");
    Ok(())
}

fn forms(list: &str) -> Result<Vec<Form>> {
    let list: List = toml::from_str(list).context(LIST)?;
    list.form.into_iter().map(Form::new).collect()
}

/// The list as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    form: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    r#in: Kind,
    find: String,
    unless: Option<String>,
    example: String,
    reason: String,
}

/// Kind of a passage.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// First sentence of a doc comment.
    Summary,
    /// Paragraph of a comment or of Markdown, without code.
    Prose,
    /// Name of a constant or static.
    Constant,
}

/// A form of the list.
struct Form {
    kind: Kind,
    find: Regex,
    unless: Option<Regex>,
    reason: String,
}

impl Form {
    /// Checks that the form finds its own example.
    fn new(entry: Entry) -> Result<Self> {
        let regex = |text: &str| Regex::new(text).with_context(|| text.to_owned());
        let form = Self {
            kind: entry.r#in,
            find: regex(&entry.find)?,
            unless: entry.unless.as_deref().map(regex).transpose()?,
            reason: entry.reason,
        };
        let source = match form.kind {
            Kind::Constant => entry.example.clone(),
            Kind::Summary | Kind::Prose => format!("/// {}", entry.example),
        };
        let is_found = passages("example.rs", &source)
            .iter()
            .any(|it| form.is_in(it));
        ensure!(
            is_found,
            "{:?} does not find its example {:?}",
            entry.find,
            entry.example
        );
        Ok(form)
    }

    fn is_in(&self, passage: &Passage) -> bool {
        let is_allowed = |sentence: &str| {
            let unless = self.unless.as_ref();
            unless.is_some_and(|unless| unless.is_match(sentence))
        };
        let mut sentences = passage.text.split(". ");
        self.kind == passage.kind && sentences.any(|it| self.find.is_match(it) && !is_allowed(it))
    }
}

/// Text that a form may be in.
#[derive(Debug, PartialEq, Eq)]
struct Passage {
    kind: Kind,
    /// Number of its first line.
    line: usize,
    text: String,
}

impl Passage {
    fn new(kind: Kind, line: usize, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, line, text }
    }
}

/// Returns what a file says.
fn passages(path: &str, text: &str) -> Vec<Passage> {
    let mut reader = Reader::default();
    let is_rust = path.ends_with(".rs");
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.trim();
        match is_rust {
            true => reader.rust(number, line),
            false => reader.prose(number, line),
        }
    }
    reader.end_paragraph();
    reader.passages
}

/// Collects lines into paragraphs.
#[derive(Default)]
struct Reader {
    passages: Vec<Passage>,
    /// Marker of the current comment, such as `///`; empty in Markdown.
    marker: &'static str,
    /// Line and text of the current paragraph.
    paragraph: Option<(usize, String)>,
    /// The next paragraph is the first one of a doc comment.
    is_first: bool,
    is_code: bool,
}

impl Reader {
    fn rust(&mut self, number: usize, line: &str) {
        let markers = ["///", "//!", "//"];
        let marker = markers.into_iter().find(|it| line.starts_with(it));
        let marker = marker.unwrap_or_default();
        if marker != self.marker {
            self.end_paragraph();
            self.is_code = false;
            self.is_first = matches!(marker, "///" | "//!");
            self.marker = marker;
        }
        match line.strip_prefix(marker) {
            Some(text) if !marker.is_empty() => self.prose(number, text.trim()),
            _ => self.constant(number, line),
        }
    }

    fn constant(&mut self, number: usize, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let keyword = words
            .iter()
            .position(|it| matches!(*it, "const" | "static"));
        let name = keyword.and_then(|at| words.get(at + 1)?.strip_suffix(':'));
        if let Some(name) = name {
            self.passages
                .push(Passage::new(Kind::Constant, number, name));
        }
    }

    fn prose(&mut self, number: usize, line: &str) {
        if line.starts_with("```") {
            self.end_paragraph();
            self.is_code = !self.is_code;
            return;
        }
        if self.is_code {
            return;
        }
        // Rows of tables, headings and items of lists are paragraphs of their own.
        if line.is_empty() || line.starts_with(['|', '#', '-', '*']) {
            self.end_paragraph();
        }
        if line.is_empty() {
            return;
        }
        let (_, text) = self
            .paragraph
            .get_or_insert_with(|| (number, String::new()));
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
        if line.starts_with(['|', '#']) {
            self.end_paragraph();
        }
    }

    fn end_paragraph(&mut self) {
        let Some((line, text)) = self.paragraph.take() else {
            return;
        };
        let text = without_code(&text);
        if core::mem::take(&mut self.is_first) {
            let (sentence, _) = text.split_once(". ").unwrap_or((&text, ""));
            self.passages
                .push(Passage::new(Kind::Summary, line, sentence));
        }
        self.passages.push(Passage::new(Kind::Prose, line, text));
    }
}

/// Replaces what is in backticks, which is not prose.
fn without_code(text: &str) -> String {
    let mut prose = String::new();
    for (index, part) in text.split('`').enumerate() {
        prose.push_str(if index % 2 == 0 { part } else { "`…`" });
    }
    prose
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_the_list_finds_its_example() {
        let list = fs::read_to_string(root().join(LIST)).unwrap();
        assert!(forms(&list).unwrap().len() > 10);
    }

    #[test]
    fn a_form_that_finds_nothing_is_an_error() {
        let list = r#"
            [[form]]
            in = "prose"
            find = "never"
            example = "Always."
            reason = "none"
        "#;
        assert!(forms(list).is_err());
    }

    #[test]
    fn prose_is_told_from_code() {
        let source = "\
//! About `whoever`.
//!
//! ```
//! // whoever
//! ```
//! More. And
//! more.

/// Returns it. At once.
const NAME: &str = \"whoever\";
// A note
// to the reader.
static OTHER: u8 = 1;
";
        let expected = [
            (Kind::Summary, 1, "About `…`."),
            (Kind::Prose, 1, "About `…`."),
            (Kind::Prose, 6, "More. And more."),
            (Kind::Summary, 9, "Returns it"),
            (Kind::Prose, 9, "Returns it. At once."),
            (Kind::Constant, 10, "NAME"),
            (Kind::Prose, 11, "A note to the reader."),
            (Kind::Constant, 13, "OTHER"),
        ];
        let expected = expected.map(|(kind, line, text)| Passage::new(kind, line, text));
        assert_eq!(passages("a.rs", source), expected);
        let markdown =
            "# Title\nText\nand text.\n\n| a | b |\n| c | d |\n\n```\ncode\n```\n- item\n";
        let texts: Vec<_> = passages("a.md", markdown)
            .into_iter()
            .map(|it| it.text)
            .collect();
        let expected = [
            "# Title",
            "Text and text.",
            "| a | b |",
            "| c | d |",
            "- item",
        ];
        assert_eq!(texts, expected);
    }
}
