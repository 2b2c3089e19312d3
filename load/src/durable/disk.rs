//! Time in which the disk synchronizes a write.

use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::samples::median;

/// Number of writes.
const WRITES: usize = 100;

/// Length of a write in bytes.
const WRITE_BYTES: usize = 4096;

/// Returns the median time to write 4 KiB at the end of a file in this folder, and to synchronize them.
///
/// # Errors
///
/// Returns an error if the file cannot be written.
pub fn sync_time(folder: &Path) -> Result<Duration> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Vec::new();
    for _ in 0..WRITES {
        let start = Instant::now();
        file.write_all(&[1; WRITE_BYTES])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(median(times.into_iter()))
}
