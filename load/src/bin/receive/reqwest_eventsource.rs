//! Receives with reqwest-eventsource.

use load::{clients::reqwest_eventsource, receiving};

fn main() -> anyhow::Result<()> {
    receiving::run(async |uri, tally| reqwest_eventsource::receive(uri, |it| tally.add(it)).await)
}
