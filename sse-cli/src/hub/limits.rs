//! How many the machine can take.

/// Connections beside those of subscribers: of publishers, and of subscribers that are refused.
const SPARE: usize = 1000;

/// Open files that are no connections.
const OTHERS: usize = 64;

/// What fits into the open files that this process may have.
pub(crate) struct Limits {
    pub(crate) subscribers: usize,
    pub(crate) connections: usize,
}

impl Limits {
    /// For as many subscribers as that, or for as many as can be.
    pub(crate) fn of(wanted: usize) -> Self {
        let files = open_files();
        let connections = wanted
            .saturating_add(SPARE)
            .min(files.saturating_sub(OTHERS));
        let spare = SPARE.min(connections / 2);
        let subscribers = wanted.min(connections - spare).max(1);
        if subscribers < wanted {
            tracing::warn!(
                "only {subscribers} subscribers instead of {wanted}: {files} files may be open \
                 (`ulimit -Hn`)"
            );
        }
        Self {
            subscribers,
            connections: connections.max(subscribers + 1),
        }
    }
}

/// How many files may be open, once that is as many as the system allows.
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

/// A number on the command line that is not 0.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    match text.parse() {
        Ok(0) => Err("it has to be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}
