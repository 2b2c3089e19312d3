//! Receives with eventsource-client.

use load::{clients::eventsource_client, receiver};

fn main() -> anyhow::Result<()> {
    receiver::run(async |uri, tally| {
        eventsource_client::receive(uri, |received| tally.add(received)).await
    })
}
