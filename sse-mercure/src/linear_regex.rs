//! Regular expressions of patterns: matched in linear time, with limits on their memory and their number.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use regex::{Regex, RegexBuilder};
use urlpattern::{parser::RegexSyntax, regexp::RegExp};

use crate::InvalidMatcher;

/// Maximum number of different patterns with regular expressions that are in use at a time. One takes up to 100 KiB.
const MAX_REGEX_PATTERNS: usize = 512;

/// Maximum size of a compiled expression, in bytes.
const MAX_COMPILED_BYTES: usize = 64 * 1024;

/// Maximum size of the cache that a thread uses to match an expression, in bytes.
const MAX_CACHE_BYTES: usize = 64 * 1024;

/// Regular expression that is compiled when it is first used.
///
/// The crate `urlpattern` creates expressions for all components of a pattern, but needs few of them to match.
//
// > hubs MUST either use a regular expression engine that guarantees linear-time matching (such as RE2) or enforce an
// > implementation-defined evaluation cost or time limit.
#[derive(Debug)]
pub(crate) struct LinearRegex {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl LinearRegex {
    /// Creates an expression, which is not compiled yet.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            compiled: OnceLock::new(),
        }
    }

    /// Returns the compiled expression. `None` if it is invalid or too large.
    pub(crate) fn compiled(&self) -> Option<&Regex> {
        let compile = || {
            RegexBuilder::new(&self.text)
                .size_limit(MAX_COMPILED_BYTES)
                .dfa_size_limit(MAX_CACHE_BYTES)
                .build()
                .ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl RegExp for LinearRegex {
    fn syntax() -> RegexSyntax {
        RegexSyntax::Rust
    }

    fn parse(pattern: &str, _flags: &str, _force_eval: bool) -> Result<Self, ()> {
        Ok(Self::new(pattern))
    }

    /// Returns whether the text matches. The groups are not needed, so they are left out.
    fn matches<'a>(&self, text: &'a str) -> Option<Vec<Option<&'a str>>> {
        let is_match = self.compiled().is_some_and(|regex| regex.is_match(text));
        is_match.then(Vec::new)
    }

    fn pattern_string(&self) -> &str {
        &self.text
    }
}

/// Permit for a pattern with regular expressions.
#[derive(Debug)]
pub(crate) struct RegexPermit(Arc<AtomicUsize>);

impl RegexPermit {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Result<Self, InvalidMatcher> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let permit = Self(Arc::clone(count));
        match before < MAX_REGEX_PATTERNS {
            true => Ok(permit),
            false => Err(InvalidMatcher::TooManyRegexes(MAX_REGEX_PATTERNS)),
        }
    }
}

impl Drop for RegexPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
