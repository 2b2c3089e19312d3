//! What a server is told by whom started it, line by line.
//!
//! `publish N` publishes N events at once, `publish N LENGTH` such of another length, and `missed` asks
//! how many events were lost to subscribers that lagged behind. The end of the input ends the server.
#![allow(clippy::print_stdout, reason = "it talks to whom started it")]

use std::{io, process, thread};

use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::number::number;

/// Last byte of each text, which occurs nowhere else in a response, such as in the position that a hub sends first.
/// Clients count events by it, because a read cannot cut one byte in two.
pub const MARK: u8 = b'!';

/// How long a text is, unless another length is asked for.
pub const LENGTH: usize = 100;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Publish these texts at once: no subscriber is served before the last of them is there.
    Publish(Vec<String>),
    /// Say how many texts were [missed](say_missed).
    Missed,
}

/// Whom the texts go to, and through it to every subscriber.
pub trait Publish {
    /// Publishes these at once.
    fn publish(&self, texts: Vec<String>);

    /// How many texts were gone before a subscriber came to take them.
    fn missed(&self) -> u64;
}

/// The orders that come in.
#[derive(Debug)]
pub struct Orders {
    lines: UnboundedReceiver<String>,
    /// How many texts were ordered.
    texts: u64,
}

impl Orders {
    /// Those of the standard input. A thread of its own reads them, so that a read that waits holds
    /// nothing up, not even the end of the process.
    pub fn from_input() -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { lines, texts: 0 }
    }

    /// The next one; `None` behind the last.
    pub async fn next(&mut self) -> Option<Order> {
        loop {
            let line = self.lines.recv().await?;
            match self.order(&line) {
                Some(order) => return Some(order),
                None => eprintln!("cannot make sense of {line:?}"),
            }
        }
    }

    /// Obeys until the input ends, and with it the process. Spawned on the thread that serves, for
    /// there it is cheapest to wake a subscriber.
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

/// Says where it listens, once it does.
pub fn say_listening(port: u16) {
    println!("listening {port}");
}

/// Answers to [`Order::Missed`].
pub fn say_missed(texts: u64) {
    println!("missed {texts}");
}

/// The text of this number and about this length, which ends with [`MARK`].
pub fn text(number: u64, length: usize) -> String {
    let mut text = format!(r#"{{"number":{number},"text":""#);
    while text.len() + 3 < length {
        text.push("lorem ipsum dolor sit amet, ".as_bytes()[text.len() % 28].into());
    }
    text.push_str(r#""}"#);
    text.push(char::from(MARK));
    text
}
