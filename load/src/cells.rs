//! Texts for the cells of the tables.

use crate::markdown::{BELOW, reached};

/// Formats a share, where less is better, with its maximum if it has one.
pub(crate) fn share(number: f64, figure: Option<f64>) -> String {
    match figure {
        None => format!("{number:.2}"),
        Some(figure) if reached(-number, Some(-figure)) => format!("{number:.2} (≤ {figure})"),
        Some(figure) => format!("{number:.2} {BELOW} (≤ {figure})"),
    }
}

/// Formats a number with its maximum, if it has one.
pub(crate) fn at_most(write: fn(f64) -> String, number: f64, figure: Option<f64>) -> String {
    let written = write(number);
    match figure {
        None => written,
        Some(figure) if number <= figure => format!("{written} (≤ {})", write(figure)),
        Some(figure) => format!("{written} {BELOW} (≤ {})", write(figure)),
    }
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

pub(crate) fn kibibytes(bytes: u64) -> String {
    thousands((bytes / 1024) as f64)
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// Formats a number without decimals, in groups of three digits.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
