//! Input from a file or from stdin.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result};

/// Opens a file to read it step by step. Without a path, or for `-`, returns stdin.
pub(crate) fn open(file: Option<&Path>) -> Result<Box<dyn Read>> {
    Ok(match file {
        Some(path) if path.as_os_str() != "-" => {
            let file = File::open(path);
            Box::new(file.with_context(|| format!("cannot open {}", path.display()))?)
        }
        _ => Box::new(io::stdin().lock()),
    })
}

/// Reads a whole file.
pub(crate) fn file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads stdin to its end.
pub(crate) fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let result = io::stdin().lock().read_to_end(&mut bytes);
    result.context("cannot read stdin")?;
    Ok(bytes)
}
