//! Tables in Markdown, and the formats of their cells.

use std::fmt::{self, Write as _};

/// Mark for a ratio that is below its target.
pub const BELOW: &str = "▼";

/// Table whose first column is text and whose other columns are numbers.
#[derive(Debug)]
pub struct Table {
    text: String,
}

impl Table {
    /// Creates a table with these columns.
    pub fn new<T: fmt::Display>(columns: impl IntoIterator<Item = T>) -> Self {
        let mut table = Self {
            text: String::new(),
        };
        let columns = table.row(columns);
        table.text.push_str("|---|");
        table.text.push_str(&"---:|".repeat(columns - 1));
        table.text.push('\n');
        table
    }

    /// Adds a row and returns the number of its cells.
    pub fn row<T: fmt::Display>(&mut self, cells: impl IntoIterator<Item = T>) -> usize {
        let mut count = 0;
        self.text.push('|');
        for cell in cells {
            // Writing to a string does not fail.
            let _ = write!(self.text, " {cell} |");
            count += 1;
        }
        self.text.push('\n');
        count
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Formats a time in nanoseconds, with as many digits as are significant.
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..10.0 => format!("{nanoseconds:.2}"),
        10.0..100.0 => format!("{nanoseconds:.1}"),
        _ => format!("{nanoseconds:.0}"),
    }
}

/// Returns whether the number, as it is printed, reaches the target. True if there is no target.
pub fn reached(number: f64, figure: Option<f64>) -> bool {
    let printed = (number * 100.0).round() / 100.0;
    figure.is_none_or(|figure| printed >= figure)
}

/// Formats a ratio with its target, and marks it if it is below the target.
pub fn ratio(number: f64, figure: Option<f64>) -> String {
    match figure {
        None => format!("{number:.2}"),
        Some(figure) if reached(number, Some(figure)) => format!("{number:.2} (≥ {figure})"),
        Some(figure) => format!("{number:.2} {BELOW} (≥ {figure})"),
    }
}
