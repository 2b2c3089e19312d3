//! Receives with `EventSource` of sse-source.

use load::{clients::ours, receiving};

fn main() -> anyhow::Result<()> {
    receiving::run(async |uri, tally| ours::receive(uri, |it| tally.add(it)).await)
}
