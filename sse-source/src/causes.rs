use core::{error, fmt, iter};

/// What hyper says of itself is only that it failed; the causes say why. Some repeat theirs.
pub(crate) fn with_causes(error: &dyn error::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut said = error.to_string();
    f.write_str(&said)?;
    for cause in iter::successors(error.source(), |cause| cause.source()) {
        let cause = cause.to_string();
        if !said.ends_with(&cause) {
            write!(f, ": {cause}")?;
        }
        said = cause;
    }
    Ok(())
}
