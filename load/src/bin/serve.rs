//! Serves the feed at `http://127.0.0.1:PORT/events`, on one thread.
//!
//! Lines on its standard input tell it what to do: `publish N` publishes N events at once, `publish N
//! LENGTH` such of another length, and `missed` asks how many events were lost to subscribers that
//! lagged behind. The end of the input ends it at once; SIGTERM shuts it down the way the library
//! does that.

use anyhow::Result;
use load::serving;

fn main() -> Result<()> {
    serving::serve()
}
