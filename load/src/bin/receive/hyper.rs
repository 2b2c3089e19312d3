//! Receives with hyper only.

use load::{clients::hyper, receiver};

fn main() -> anyhow::Result<()> {
    receiver::run(async |uri, tally| hyper::receive(uri, |received| tally.add(received)).await)
}
