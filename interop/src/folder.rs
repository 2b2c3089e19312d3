//! Where `cargo xtask test-servers` has put what the tests need.

use std::{
    env, fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};

/// The environment variable that names the folder.
const VARIABLE: &str = "INTEROP_FOLDER";

/// A file that xtask has made ready.
pub fn prepared(name: &str) -> Result<PathBuf> {
    let folder = env::var_os(VARIABLE)
        .with_context(|| format!("{VARIABLE} is not set: run `cargo xtask test-servers`"))?;
    let path = PathBuf::from(folder).join(name);
    ensure!(
        path.exists(),
        "{} is missing: run `cargo xtask test-servers`",
        path.display()
    );
    Ok(path)
}

/// A new empty folder, to be looked into when a test has failed. The next run clears it away.
pub fn scratch(name: &str) -> Result<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = prepared("scratch")?.join(format!("{name}-{}-{count}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
