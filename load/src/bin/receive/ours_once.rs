//! Receives with `send` of sse-source.

use load::{clients::ours_once, receiving};

fn main() -> anyhow::Result<()> {
    receiving::run(async |uri, tally| ours_once::receive(uri, |it| tally.add(it)).await)
}
