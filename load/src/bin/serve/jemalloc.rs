//! Server like `serve`, with an allocator that returns memory to the kernel by itself.

use anyhow::Result;
use load::serving;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    serving::serve()
}
