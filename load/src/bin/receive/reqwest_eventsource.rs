//! Receives with reqwest-eventsource.

use load::{clients::reqwest_eventsource, receiver};

fn main() -> anyhow::Result<()> {
    receiver::run(async |uri, tally| {
        reqwest_eventsource::receive(uri, |received| tally.add(received)).await
    })
}
