//! Forms of prose and names that this project does not use. `xtask/words.toml` lists them with their reasons.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde::Deserialize;

use crate::run::{command, output, root};

/// Path of the list in the workspace.
const LIST: &str = "xtask/words.toml";

/// Document that may have old names, because it tells users what changed.
const CHANGELOG: &str = "CHANGELOG.md";

/// Fails if a Rust or Markdown file of the repository has a form of the list.
pub(crate) fn check() -> Result<()> {
    let list = fs::read_to_string(root().join(LIST)).context(LIST)?;
    let forms = forms(&list)?;
    let files = output(command("git", "ls-files *.rs *.md")).context("git ls-files")?;
    let mut report = String::new();
    let mut counts = BTreeMap::<_, usize>::new();
    for path in files.split('\n') {
        // A file that was deleted is still listed until that is committed.
        let Ok(text) = fs::read_to_string(root().join(path)) else {
            continue;
        };
        let (folder, _) = path.split_once('/').unwrap_or((".", path));
        for finding in findings(&forms, path, &text) {
            *counts.entry(folder).or_default() += 1;
            writeln!(report, "{finding}")?;
        }
    }
    let total: usize = counts.values().sum();
    for (folder, count) in &counts {
        writeln!(report, "{folder}: {count}")?;
    }
    ensure!(total == 0, "{report}{total} forms that {LIST} lists");
    Ok(())
}

/// Returns a text for each form of the list in a file.
fn findings(forms: &[Form], path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for passage in passages(path, text) {
        for form in forms.iter().filter(|form| form.is_in(path, &passage)) {
            let Passage { line, text, .. } = &passage;
            findings.push(format!("{path}:{line}: {text}\n    {}", form.reason));
        }
    }
    findings
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
    under: Option<String>,
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
    /// Line of code, or code in backticks.
    Code,
    /// Name of a constant or static.
    Constant,
}

/// A form of the list.
struct Form {
    kind: Kind,
    find: Regex,
    unless: Option<Regex>,
    under: String,
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
            under: entry.under.unwrap_or_default(),
            reason: entry.reason,
        };
        let path = format!("{}example.rs", form.under);
        let source = match form.kind {
            Kind::Code | Kind::Constant => entry.example.clone(),
            Kind::Summary | Kind::Prose => format!("/// {}", entry.example),
        };
        let is_found = passages(&path, &source)
            .iter()
            .any(|passage| form.is_in(&path, passage));
        ensure!(
            is_found,
            "{:?} does not find its example {:?}",
            entry.find,
            entry.example
        );
        Ok(form)
    }

    fn is_in(&self, path: &str, passage: &Passage) -> bool {
        let is_exempt = passage.kind == Kind::Code && path == CHANGELOG;
        if self.kind != passage.kind || is_exempt || !path.starts_with(&self.under) {
            return false;
        }
        let is_allowed = |sentence: &str| {
            let unless = self.unless.as_ref();
            unless.is_some_and(|unless| unless.is_match(sentence))
        };
        let mut sentences = passage.text.split(". ");
        sentences.any(|sentence| self.find.is_match(sentence) && !is_allowed(sentence))
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

/// Returns the passages of a file.
fn passages(path: &str, text: &str) -> Vec<Passage> {
    let mut parser = Parser::default();
    let is_rust = path.ends_with(".rs");
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.trim();
        match is_rust {
            true => parser.rust(number, line),
            false => parser.prose(number, line),
        }
    }
    parser.end_paragraph();
    parser.passages
}

/// Collects lines into paragraphs.
#[derive(Default)]
struct Parser {
    passages: Vec<Passage>,
    /// Marker of the current comment, such as `///`; empty in Markdown.
    marker: &'static str,
    /// Line and text of the current paragraph.
    paragraph: Option<(usize, String)>,
    /// The next paragraph is the first one of a doc comment.
    is_first: bool,
    /// The current line is in a block of code in a comment or in Markdown.
    is_code: bool,
}

impl Parser {
    fn rust(&mut self, number: usize, line: &str) {
        let markers = ["///", "//!", "//"];
        let marker = markers.into_iter().find(|marker| line.starts_with(marker));
        let marker = marker.unwrap_or_default();
        if marker != self.marker {
            self.end_paragraph();
            self.is_code = false;
            self.is_first = matches!(marker, "///" | "//!");
            self.marker = marker;
        }
        match line.strip_prefix(marker) {
            Some(text) if !marker.is_empty() => self.prose(number, text.trim()),
            _ => self.code(number, line),
        }
    }

    fn code(&mut self, number: usize, line: &str) {
        if line.is_empty() {
            return;
        }
        self.push(Kind::Code, number, line);
        let words: Vec<_> = line.split(' ').collect();
        let keyword = words
            .iter()
            .position(|word| matches!(*word, "const" | "static"));
        let name = keyword.and_then(|index| words.get(index + 1)?.strip_suffix(':'));
        if let Some(name) = name {
            self.push(Kind::Constant, number, name);
        }
    }

    fn prose(&mut self, number: usize, line: &str) {
        if line.starts_with("```") {
            self.end_paragraph();
            self.is_code = !self.is_code;
            return;
        }
        if self.is_code {
            if !line.is_empty() {
                self.push(Kind::Code, number, line);
            }
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
        let (prose, code) = split_code(&text);
        if core::mem::take(&mut self.is_first) {
            let (sentence, _) = prose.split_once(". ").unwrap_or((&prose, ""));
            self.push(Kind::Summary, line, sentence);
        }
        self.push(Kind::Prose, line, prose);
        for code in code {
            self.push(Kind::Code, line, code);
        }
    }

    fn push(&mut self, kind: Kind, line: usize, text: impl Into<String>) {
        self.passages.push(Passage::new(kind, line, text));
    }
}

/// Returns a paragraph without its code, which is in backticks, and the code.
fn split_code(text: &str) -> (String, Vec<&str>) {
    let (mut prose, mut code) = (String::new(), Vec::new());
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 0 {
            prose.push_str(part);
        } else {
            prose.push_str("`…`");
            code.push(part);
        }
    }
    (prose, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> String {
        fs::read_to_string(root().join(LIST)).unwrap()
    }

    #[test]
    fn each_form_of_the_list_finds_its_example() {
        assert!(forms(&list()).unwrap().len() > 10);
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

    /// The sentences and names come from the list, so that this file has none of them.
    #[test]
    fn one_sentence_or_one_old_name_is_found_again() {
        let forms = forms(&list()).unwrap();
        let list: List = toml::from_str(&list()).unwrap();
        let source = |sentence: &str, code: &str| {
            format!("/// Returns the name.{sentence}\nfn name() {{\n    {code}\n}}\n")
        };
        let find = |path: &str, sentence: &str, code: &str| {
            findings(&forms, path, &source(sentence, code))
        };
        assert_eq!(find("a/src/lib.rs", "", ""), Vec::<String>::new());
        for entry in &list.form {
            let path = format!("{}src/lib.rs", entry.under.as_deref().unwrap_or("a/"));
            let found = match entry.r#in {
                Kind::Prose => find(&path, &format!("\n///\n/// {}", entry.example), ""),
                Kind::Code | Kind::Constant => find(&path, "", &entry.example),
                Kind::Summary => findings(&forms, &path, &format!("/// {}\n", entry.example)),
            };
            let is_found = found.iter().any(|finding| finding.ends_with(&entry.reason));
            assert!(is_found, "{}", entry.example);
        }
    }

    #[test]
    fn old_names_are_found_in_documents_but_not_in_the_changelog() {
        let forms = forms(&list()).unwrap();
        let list: List = toml::from_str(&list()).unwrap();
        let name = list.form.iter().find(|entry| {
            let Entry { r#in, under, .. } = entry;
            *r#in == Kind::Code && under.is_none()
        });
        let name = &name.unwrap().example;
        for text in [
            format!("Use `{name}`.\n"),
            format!("```rust\n{name}\n```\n"),
        ] {
            assert!(!findings(&forms, "guide/choosing.md", &text).is_empty());
            assert!(findings(&forms, CHANGELOG, &text).is_empty());
        }
    }

    #[test]
    fn prose_is_distinguished_from_code() {
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
            (Kind::Code, 1, "whoever"),
            (Kind::Code, 4, "// whoever"),
            (Kind::Prose, 6, "More. And more."),
            (Kind::Summary, 9, "Returns it"),
            (Kind::Prose, 9, "Returns it. At once."),
            (Kind::Code, 10, "const NAME: &str = \"whoever\";"),
            (Kind::Constant, 10, "NAME"),
            (Kind::Prose, 11, "A note to the reader."),
            (Kind::Code, 13, "static OTHER: u8 = 1;"),
            (Kind::Constant, 13, "OTHER"),
        ];
        let expected = expected.map(|(kind, line, text)| Passage::new(kind, line, text));
        assert_eq!(passages("a.rs", source), expected);
        let markdown =
            "# Title\nText\nand text.\n\n| a | b |\n| c | d |\n\n```\ncode\n```\n- item\n";
        let texts: Vec<_> = passages("a.md", markdown)
            .into_iter()
            .map(|passage| passage.text)
            .collect();
        let expected = [
            "# Title",
            "Text and text.",
            "| a | b |",
            "| c | d |",
            "code",
            "- item",
        ];
        assert_eq!(texts, expected);
    }
}
