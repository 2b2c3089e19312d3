//! A file or stdin.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result};

pub(crate) fn open(file: Option<&Path>) -> Result<Box<dyn Read>> {
    Ok(match file {
        Some(path) if path.as_os_str() != "-" => {
            let file = File::open(path);
            Box::new(file.with_context(|| format!("cannot open {}", path.display()))?)
        }
        _ => Box::new(io::stdin().lock()),
    })
}
