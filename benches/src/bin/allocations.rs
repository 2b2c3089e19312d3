//! Prints the number of allocations. It is a separate program, because counting takes time.

use std::io::{self, Write as _};

use benches::{allocations, workloads::workloads};
use clap::Parser;

/// Counts allocations per event.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measures only this workload: a, a2, b, c, d, d-lf, d-crlf, e, f, f-bare, g or h.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> io::Result<()> {
    let only = Arguments::parse().only;
    let mut workloads = workloads();
    workloads.retain(|workload| only.as_ref().is_none_or(|key| workload.is(key)));
    let section = allocations::section(&workloads, |run| {
        allocation_counter::measure(run).count_total
    });
    write!(io::stdout(), "{section}")
}
