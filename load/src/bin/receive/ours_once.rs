//! Receives with `send` of sse-source.

use load::{clients::ours_once, receiver};

fn main() -> anyhow::Result<()> {
    receiver::run(async |uri, tally| ours_once::receive(uri, |received| tally.add(received)).await)
}
