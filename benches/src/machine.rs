//! Description of the machine and the time of the measurement.

use std::{env, fs, process::Command, thread, time::SystemTime};

/// Returns the description as a line of Markdown.
pub fn facts() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{}, {cores} cores, {} {}, {}, {}.",
        processor().unwrap_or_else(|| "unknown processor".into()),
        env::consts::OS,
        env::consts::ARCH,
        compiler().unwrap_or_else(|| "unknown compiler".into()),
        httpdate::fmt_http_date(SystemTime::now()),
    )
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text
        .split('\n')
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().into())
}

fn compiler() -> Option<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().into())
}
