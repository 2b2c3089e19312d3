//! Receives with `EventSource` of sse-source.

use load::{clients::ours, receiver};

fn main() -> anyhow::Result<()> {
    receiver::run(async |uri, tally| ours::receive(uri, |received| tally.add(received)).await)
}
