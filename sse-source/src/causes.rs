use core::{error, fmt, iter};

/// Writes the error and its chain of sources.
///
/// hyper's errors say only that something failed, and their sources say why. Some errors repeat their source, which is
/// then written once.
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
