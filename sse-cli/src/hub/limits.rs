//! Limits of subscribers and connections, by the number of files that the process may open.

/// Number of connections in addition to those of subscribers: for publishers, and for subscribers that are refused.
//
// With a limit of 20,000 open files, which is usual, there can be 19,000 subscribers.
const SPARE_CONNECTIONS: usize = 900;

/// Number of open files that are not connections.
const OTHER_FILES: usize = 64;

/// Numbers of subscribers and connections that fit into the limit of open files.
pub(crate) struct Limits {
    pub(crate) subscribers: usize,
    pub(crate) connections: usize,
}

impl Limits {
    /// Returns limits for the wanted number of subscribers, or for fewer if the limit of open files is too low. Logs a
    /// warning in that case.
    pub(crate) fn new(wanted: usize) -> Self {
        let files = open_files();
        let connections = wanted
            .saturating_add(SPARE_CONNECTIONS)
            .min(files.saturating_sub(OTHER_FILES));
        let spare = SPARE_CONNECTIONS.min(connections / 2);
        let subscribers = wanted.min(connections - spare).max(1);
        if subscribers < wanted {
            tracing::warn!(
                "at most {subscribers} subscribers instead of {wanted}: the limit of open files is \
                 {files} (`ulimit -Hn`)"
            );
        }
        Self {
            subscribers,
            connections: connections.max(subscribers + 1),
        }
    }
}

/// Raises the limit of open files to the maximum that the system allows, and returns it.
#[cfg(unix)]
fn open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

#[cfg(not(unix))]
fn open_files() -> usize {
    usize::MAX
}
