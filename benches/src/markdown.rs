//! Tables in Markdown, and what stands in their cells.

use std::fmt::{self, Write as _};

/// Stands beside a figure that is not reached.
pub const BELOW: &str = "▼";

/// A table whose first column is text and whose other columns are numbers.
#[derive(Debug)]
pub struct Table {
    text: String,
}

impl Table {
    /// A table with these columns.
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

    /// Adds a row, and says how many cells it has.
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

/// A time in nanoseconds, with as many digits as mean something.
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..10.0 => format!("{nanoseconds:.2}"),
        10.0..100.0 => format!("{nanoseconds:.1}"),
        _ => format!("{nanoseconds:.0}"),
    }
}

/// Whether the figure, if there is one, is reached by the number as it is printed.
pub fn reached(number: f64, figure: Option<f64>) -> bool {
    let printed = (number * 100.0).round() / 100.0;
    figure.is_none_or(|figure| printed >= figure)
}

/// A ratio, beside the figure to reach, marked where it is below.
pub fn ratio(number: f64, figure: Option<f64>) -> String {
    match figure {
        None => format!("{number:.2}"),
        Some(figure) if reached(number, Some(figure)) => format!("{number:.2} (≥ {figure})"),
        Some(figure) => format!("{number:.2} {BELOW} (≥ {figure})"),
    }
}
