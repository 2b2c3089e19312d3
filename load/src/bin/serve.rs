//! Serves the feed at `http://127.0.0.1:PORT/events`, on one thread.
//!
//! It reads commands from its standard input. `publish N` publishes N events at once, and `publish N LENGTH` publishes
//! events of another length. `missed` prints the number of events that were lost by subscribers that lagged. The end
//! of the input ends the process at once; SIGTERM starts the graceful shutdown of the library.

use anyhow::Result;
use load::serving;

fn main() -> Result<()> {
    serving::serve()
}
