//! Commands that a server reads from its standard input, line by line.
//!
//! `publish N` publishes N events at once, and `publish N LENGTH` publishes events of another length. `missed` prints
//! the number of events that were lost by subscribers that lagged. The end of the input ends the server.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::{io, process, thread};

use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::program::number;

/// Last byte of each text, which occurs nowhere else in a response, such as in the position that a hub sends first.
/// Clients count events by it, because a read cannot cut one byte in two.
pub const END_MARK: u8 = b'!';

/// Default length of a text in bytes.
pub const LENGTH: usize = 100;

/// Command to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerCommand {
    /// Publish these texts at once: no subscriber gets the first before the last is published.
    Publish(Vec<String>),
    /// Print how many texts were [missed](print_missed).
    Missed,
}

/// Publisher that sends texts to every subscriber.
pub trait Publish {
    /// Publishes these texts at once.
    fn publish(&self, texts: Vec<String>);

    /// Returns the number of texts that were dropped before a subscriber took them.
    fn missed(&self) -> u64;
}

/// Stream of the commands of this process.
#[derive(Debug)]
pub struct Commands {
    lines: UnboundedReceiver<String>,
    /// Number of texts in all commands up to now.
    texts: u64,
}

impl Commands {
    /// Reads commands from the standard input. A separate thread reads, so that a waiting read does not block the runtime
    /// or the end of the process.
    pub fn from_input() -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { lines, texts: 0 }
    }

    /// Returns the next order, or `None` at the end of the input.
    pub async fn next(&mut self) -> Option<ServerCommand> {
        loop {
            let line = self.lines.recv().await?;
            match self.parse(&line) {
                Some(order) => return Some(order),
                None => eprintln!("unknown command {line:?}"),
            }
        }
    }

    /// Follows the commands until the input ends, then exits the process. Spawn it on the thread that serves, where
    /// waking a subscriber is cheapest.
    pub async fn run(mut self, publisher: impl Publish) {
        while let Some(order) = self.next().await {
            match order {
                ServerCommand::Publish(texts) => publisher.publish(texts),
                ServerCommand::Missed => print_missed(publisher.missed()),
            }
        }
        process::exit(0);
    }

    fn parse(&mut self, line: &str) -> Option<ServerCommand> {
        if line == "missed" {
            return Some(ServerCommand::Missed);
        }
        let numbers = line.strip_prefix("publish ")?;
        let (count, length) = match numbers.split_once(' ') {
            Some((count, length)) => (number(count)?, number(length)?),
            None => (number(numbers)?, LENGTH as u64),
        };
        let start = self.texts;
        self.texts += count;
        let texts = (start..self.texts).map(|number| text(number, length as usize));
        Some(ServerCommand::Publish(texts.collect()))
    }
}

/// Prints the port, once the server listens.
pub fn print_listening(port: u16) {
    println!("listening {port}");
}

/// Prints the answer to [`ServerCommand::Missed`].
pub fn print_missed(texts: u64) {
    println!("missed {texts}");
}

/// Returns the text with this number and about this length, which ends with [`END_MARK`].
pub fn text(number: u64, length: usize) -> String {
    let mut text = format!(r#"{{"number":{number},"text":""#);
    while text.len() + 3 < length {
        text.push("lorem ipsum dolor sit amet, ".as_bytes()[text.len() % 28].into());
    }
    text.push_str(r#""}"#);
    text.push(char::from(END_MARK));
    text
}
