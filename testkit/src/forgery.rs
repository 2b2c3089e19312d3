//! Values of `testdata/forgery/` that attackers put into fields, and the judgement on what an encoder makes of them.

use serde::Deserialize;

use crate::{Item, cases, reference};

/// Field that takes a value of an attacker.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are clear")]
pub enum Field {
    Type,
    Id,
    Data,
    Comment,
}

/// Value in a field.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// Advisory or class that has it.
    pub id: String,
    /// Field that takes it.
    pub field: Field,
    /// The value.
    pub value: String,
}

impl Forgery {
    /// Returns the type of the event to encode, if it has one.
    pub fn event_type(&self) -> Option<&str> {
        (self.field == Field::Type).then_some(&self.value)
    }

    /// Returns the ID of the event to encode, if it has one.
    pub fn event_id(&self) -> Option<&str> {
        (self.field == Field::Id).then_some(&self.value)
    }

    /// Returns the data of the event to encode.
    pub fn data(&self) -> &str {
        match self.field {
            Field::Data => &self.value,
            _ => "harmless",
        }
    }

    /// Judges the bytes that an encoder made of the event, or of the comment.
    pub fn judge(&self, wire: &[u8]) -> Verdict {
        self.judge_format(&Format::default(), wire)
    }

    /// Judges the bytes of an encoder whose events have this format.
    pub fn judge_format(&self, format: &Format, wire: &[u8]) -> Verdict {
        // What a value leaves behind shows in the next event.
        let stream = [wire, b"data: next\n\n"].concat();
        let mut items = reference::interpret(&stream).items;
        items.retain(|item| !matches!(item, Item::Comment(_)));
        let [rest @ .., next] = &items[..] else {
            return Verdict::Forged;
        };
        let id = self.event_id().unwrap_or("");
        match rest {
            [] if self.field == Field::Comment => {
                verdict(*next == event("message", "next", ""), true)
            }
            [
                Item::Event {
                    event_type,
                    data,
                    last_event_id,
                },
            ] if self.field != Field::Comment => {
                let given = self.event_type().filter(|text| !text.is_empty());
                let is_type = event_type == given.unwrap_or(format.event_type);
                let expected = format.data(self.data());
                let is_data = *data == expected;
                let is_id = last_event_id == id;
                let is_harmless = (is_type || self.field == Field::Type)
                    && (is_data || self.field == Field::Data)
                    && format.other_lines(data).eq(format.other_lines(&expected))
                    && (is_id || self.field == Field::Id)
                    && *next == event("message", "next", last_event_id);
                verdict(is_harmless, is_type && is_data && is_id)
            }
            _ => Verdict::Forged,
        }
    }
}

/// Format of the events of an encoder.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Type of an event without one.
    pub event_type: &'static str,
    /// Data that a client gets for a value whose line ends are LF.
    pub data: fn(&str) -> String,
    /// Text before each line of the value. A line with another text is a field of the protocol in the data.
    pub line_prefix: &'static str,
}

impl Format {
    /// Returns the data as a client gets it.
    fn data(&self, data: &str) -> String {
        (self.data)(&data.replace("\r\n", "\n").replace('\r', "\n"))
    }

    /// Returns the lines of the data that do not have the value.
    fn other_lines<'a>(&self, data: &'a str) -> impl Iterator<Item = &'a str> {
        let prefix = self.line_prefix;
        data.split('\n')
            .filter(move |line| !line.starts_with(prefix))
    }
}

/// Returns the text with a prefix before each line.
pub fn prefix_lines(prefix: &str, text: &str) -> String {
    let lines = text.split('\n').map(|line| format!("{prefix}{line}"));
    lines.collect::<Vec<_>>().join("\n")
}

impl Default for Format {
    fn default() -> Self {
        Self {
            event_type: "message",
            data: str::to_owned,
            line_prefix: "",
        }
    }
}

/// Result at a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The value as it was given.
    Carried,
    /// Another value of the same field, and nothing else.
    Changed,
    /// Other fields or other events.
    Forged,
}

fn verdict(is_harmless: bool, is_carried: bool) -> Verdict {
    match (is_harmless, is_carried) {
        (true, true) => Verdict::Carried,
        (true, false) => Verdict::Changed,
        (false, _) => Verdict::Forged,
    }
}

fn event(event_type: &str, data: &str, last_event_id: &str) -> Item {
    Item::Event {
        event_type: event_type.to_owned(),
        data: data.to_owned(),
        last_event_id: last_event_id.to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    id: String,
    #[expect(dead_code, reason = "for people who read the file")]
    encoder: String,
    fields: Vec<Field>,
    values: Vec<String>,
}

/// Returns each value of `testdata/forgery/` in each of its fields.
pub fn forgeries() -> Vec<Forgery> {
    let advisories = cases::load::<Advisory>("forgery").into_iter();
    advisories
        .flat_map(
            |(
                _,
                Advisory {
                    id, fields, values, ..
                },
            )| {
                let values: Vec<_> = values.iter().map(|value| cases::text(value)).collect();
                fields.into_iter().flat_map(move |field| {
                    let id = id.clone();
                    let forgery = move |value: &String| Forgery {
                        id: id.clone(),
                        field,
                        value: value.clone(),
                    };
                    values.iter().map(forgery).collect::<Vec<_>>()
                })
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_without_checks_forges() {
        let judge = |field, value: &str, wire: &str| {
            let forgery = Forgery {
                id: String::new(),
                field,
                value: value.to_owned(),
            };
            forgery.judge(wire.as_bytes())
        };
        use Field::{Comment, Data, Id, Type};
        for (field, value, wire, verdict) in [
            (Type, "a", "event: a\ndata: harmless\n\n", Verdict::Carried),
            (
                Type,
                "a\nid: 1",
                "event: a\nid: 1\ndata: harmless\n\n",
                Verdict::Forged,
            ),
            (
                Type,
                "a\nid: 1",
                "event: aid: 1\ndata: harmless\n\n",
                Verdict::Changed,
            ),
            (
                Type,
                "a\n\n",
                "event: a\n\n\ndata: harmless\n\n",
                Verdict::Changed,
            ),
            (
                Type,
                "a\ndata: b",
                "event: a\ndata: b\ndata: harmless\n\n",
                Verdict::Forged,
            ),
            (
                Type,
                "a\nretry: 1",
                "event: a\nretry: 1\ndata: harmless\n\n",
                Verdict::Forged,
            ),
            (Id, "a\0", "id: a\0\ndata: harmless\n\n", Verdict::Changed),
            (Id, "a", "id: a\ndata: harmless\n\n", Verdict::Carried),
            (Data, "a\rb", "data: a\ndata: b\n\n", Verdict::Carried),
            (Data, "a\rb", "data: a\rb\n\n", Verdict::Changed),
            (Data, "a\r\rb", "data: a\r\rb\n\n", Verdict::Changed),
            (
                Data,
                "a\r\rdata: b",
                "data: a\r\rdata: b\n\n",
                Verdict::Forged,
            ),
            (
                Data,
                "a\nevent: b",
                "data: a\nevent: b\n\n",
                Verdict::Forged,
            ),
            (Data, " a", "data: a\n\n", Verdict::Changed),
            (Comment, "a\nb", ": a\nb\n\n", Verdict::Carried),
            (Comment, "a\ndata: b", ": a\ndata: b\n\n", Verdict::Forged),
            (Comment, "a\nevent: b", ": a\nevent: b\n", Verdict::Forged),
            (Comment, "a\nid: b", ": a\nid: b\n\n", Verdict::Forged),
        ] {
            assert_eq!(judge(field, value, wire), verdict, "{value:?}: {wire:?}");
        }
    }

    #[test]
    fn a_line_of_another_field_in_the_data_is_forged() {
        let format = Format {
            event_type: "patch",
            data: |value| prefix_lines("selector ", value) + "\nelements harmless",
            line_prefix: "selector ",
        };
        for (wire, verdict) in [
            (
                "data: selector a\ndata: selector elements b\ndata: elements harmless\n",
                Verdict::Carried,
            ),
            (
                "data: selector a\ndata: elements harmless\n",
                Verdict::Changed,
            ),
            (
                "data: selector a\ndata: elements b\ndata: elements harmless\n",
                Verdict::Forged,
            ),
            ("data: selector a\n", Verdict::Forged),
        ] {
            let forgery = Forgery {
                id: String::new(),
                field: Field::Data,
                value: "a\relements b".to_owned(),
            };
            let wire = format!("event: patch\n{wire}\n");
            assert_eq!(
                forgery.judge_format(&format, wire.as_bytes()),
                verdict,
                "{wire:?}"
            );
        }
    }

    #[test]
    fn each_field_has_values() {
        let forgeries = forgeries();
        for field in [Field::Type, Field::Id, Field::Data, Field::Comment] {
            let count = forgeries
                .iter()
                .filter(|forgery| forgery.field == field)
                .count();
            assert!(count > 40, "{field:?}: {count}");
        }
    }
}
