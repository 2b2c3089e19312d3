//! Receives with hyper only.

use load::{clients::hyper, receiving};

fn main() -> anyhow::Result<()> {
    receiving::run(async |uri, tally| hyper::receive(uri, |it| tally.add(it)).await)
}
