//! Numbered events. The number of an event determines its bytes and its fields.

use fastrand::Rng;

/// Start of each stream: a byte order mark, which decoders drop.
pub(super) const START: &str = "\u{FEFF}";

/// Parts of texts: characters of one to four bytes, and text that looks like a field or a line end.
const SNIPPETS: [&str; 16] = [
    "zwölf Boxkämpfer",
    "豆腐",
    "😀",
    "€",
    "\u{FEFF}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "\t",
    " ",
    ":",
    "data",
    "data: ",
    "id: 7",
    "event: a",
    "x",
];

const TYPES: [&str; 3] = ["message", "tick", "größer"];

/// Lines that do not change the event that they are in.
const ASIDES: [&str; 5] = [":", ": data: a", "retry: 9", "retry", "größe: 1"];

const LINE_ENDS: [&str; 3] = ["\n", "\r", "\r\n"];

/// Event as it is sent, and the fields that a client has to decode from it.
#[derive(Debug)]
pub(super) struct Sequenced {
    pub(super) wire: String,
    pub(super) event_type: &'static str,
    pub(super) data: String,
}

impl Sequenced {
    pub(super) fn new(number: u64) -> Self {
        let mut rng = Rng::with_seed(number);
        let texts: Vec<_> = (0..=rng.usize(..4)).map(|_| text(&mut rng)).collect();
        let data = texts.iter().map(|text| field("data", text, &mut rng));
        let mut lines: Vec<_> = data.collect();
        let mut event_type = TYPES[0];
        let mut others = vec![field("id", &number.to_string(), &mut rng)];
        if rng.bool() {
            event_type = TYPES[rng.usize(..TYPES.len())];
            others.push(field("event", event_type, &mut rng));
        }
        if rng.bool() {
            others.push(ASIDES[rng.usize(..ASIDES.len())].to_owned());
        }
        for line in others {
            lines.insert(rng.usize(..=lines.len()), line);
        }
        Self {
            wire: block(&lines, &mut rng),
            event_type,
            data: texts.join("\n"),
        }
    }
}

/// Returns a random text. Most texts are short, some are empty, and a few have some kilobytes.
fn text(rng: &mut Rng) -> String {
    let length = match rng.u8(..) {
        0..2 => rng.usize(..2_000),
        _ => rng.usize(..8),
    };
    (0..length)
        .map(|_| SNIPPETS[rng.usize(..SNIPPETS.len())])
        .collect()
}

/// Returns a line with this field, in one of the forms that the standard allows.
fn field(name: &str, value: &str, rng: &mut Rng) -> String {
    match value {
        "" if rng.bool() => name.to_owned(),
        _ if value.starts_with(' ') || rng.bool() => format!("{name}: {value}"),
        _ => format!("{name}:{value}"),
    }
}

/// Returns a block with these lines, each with a random line end, and a blank line. The blank line has the line end of
/// the last line, because an LF after a CR would not be a line.
fn block(lines: &[String], rng: &mut Rng) -> String {
    let mut block = String::new();
    let mut end = "";
    for line in lines {
        end = LINE_ENDS[rng.usize(..LINE_ENDS.len())];
        block.push_str(line);
        block.push_str(end);
    }
    block + end
}

#[cfg(test)]
mod tests {
    use testkit::{Item, reference};

    use super::Sequenced;

    #[test]
    fn the_standard_reads_what_is_meant() {
        let numbered: Vec<_> = (1..5_000).map(Sequenced::new).collect();
        let stream: String = numbered.iter().map(|event| event.wire.as_str()).collect();
        let read = reference::interpret(stream.as_bytes()).items;
        let read = read
            .into_iter()
            .filter(|item| matches!(item, Item::Event { .. }));
        let meant = numbered
            .into_iter()
            .zip(1..)
            .map(|(event, number)| Item::Event {
                event_type: event.event_type.to_owned(),
                data: event.data,
                last_event_id: format!("{number}"),
            });
        assert!(read.eq(meant));
    }
}
