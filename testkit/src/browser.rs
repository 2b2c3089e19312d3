//! How browsers are started.

/// Chromium without a window, a sandbox that root cannot have, and all that it would ask the network for
/// by itself.
pub const CHROMIUM: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
