//! Folder with the programs and files that `cargo xtask test-servers` prepares.

use std::{
    env, fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};

/// Environment variable that names the folder.
const FOLDER_VARIABLE: &str = "INTEROP_FOLDER";

/// Returns the path of a file that xtask has prepared.
pub fn prepared(name: &str) -> Result<PathBuf> {
    let folder = env::var_os(FOLDER_VARIABLE)
        .with_context(|| format!("{FOLDER_VARIABLE} is not set: run `cargo xtask test-servers`"))?;
    let path = PathBuf::from(folder).join(name);
    ensure!(
        path.exists(),
        "{} is missing: run `cargo xtask test-servers`",
        path.display()
    );
    Ok(path)
}

/// Creates an empty folder for a test. It is kept after a failure, and the next run removes it.
pub fn scratch(name: &str) -> Result<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = prepared("scratch")?.join(format!("{name}-{}-{count}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
