//! Orders that a server reads from its standard input, line by line.
//!
//! `publish N` publishes N events at once, and `publish N LENGTH` publishes events of another length. `missed` prints
//! the number of events that were lost by subscribers that lagged. The end of the input ends the server.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::{io, process, thread};

use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::number::number;

/// Last byte of each text, which occurs nowhere else in a response, such as in the position that a hub sends first.
/// Clients count events by it, because a read cannot cut one byte in two.
pub const MARK: u8 = b'!';

/// Default length of a text in bytes.
pub const LENGTH: usize = 100;

/// Order to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Publish these texts at once: no subscriber gets the first before the last is published.
    Publish(Vec<String>),
    /// Print how many texts were [missed](say_missed).
    Missed,
}

/// Publisher that sends texts to every subscriber.
pub trait Publish {
    /// Publishes these texts at once.
    fn publish(&self, texts: Vec<String>);

    /// Returns the number of texts that were dropped before a subscriber took them.
    fn missed(&self) -> u64;
}

/// Stream of the orders of this process.
#[derive(Debug)]
pub struct Orders {
    lines: UnboundedReceiver<String>,
    /// Number of texts in all orders up to now.
    texts: u64,
}

impl Orders {
    /// Reads orders from the standard input. A separate thread reads, so that a waiting read does not block the runtime
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
    pub async fn next(&mut self) -> Option<Order> {
        loop {
            let line = self.lines.recv().await?;
            match self.order(&line) {
                Some(order) => return Some(order),
                None => eprintln!("unknown order {line:?}"),
            }
        }
    }

    /// Follows the orders until the input ends, then exits the process. Spawn it on the thread that serves, where
    /// waking a subscriber is cheapest.
    pub async fn obey(mut self, publisher: impl Publish) {
        while let Some(order) = self.next().await {
            match order {
                Order::Publish(texts) => publisher.publish(texts),
                Order::Missed => say_missed(publisher.missed()),
            }
        }
        process::exit(0);
    }

    fn order(&mut self, line: &str) -> Option<Order> {
        if line == "missed" {
            return Some(Order::Missed);
        }
        let numbers = line.strip_prefix("publish ")?;
        let (count, length) = match numbers.split_once(' ') {
            Some((count, length)) => (number(count)?, number(length)?),
            None => (number(numbers)?, LENGTH as u64),
        };
        let start = self.texts;
        self.texts += count;
        let texts = (start..self.texts).map(|it| text(it, length as usize));
        Some(Order::Publish(texts.collect()))
    }
}

/// Prints the port, once the server listens.
pub fn say_listening(port: u16) {
    println!("listening {port}");
}

/// Prints the answer to [`Order::Missed`].
pub fn say_missed(texts: u64) {
    println!("missed {texts}");
}

/// Returns the text with this number and about this length, which ends with [`MARK`].
pub fn text(number: u64, length: usize) -> String {
    let mut text = format!(r#"{{"number":{number},"text":""#);
    while text.len() + 3 < length {
        text.push("lorem ipsum dolor sit amet, ".as_bytes()[text.len() % 28].into());
    }
    text.push_str(r#""}"#);
    text.push(char::from(MARK));
    text
}
