//! Receives with eventsource-client.

use load::{clients::eventsource_client, receiving};

fn main() -> anyhow::Result<()> {
    receiving::run(async |uri, tally| eventsource_client::receive(uri, |it| tally.add(it)).await)
}
