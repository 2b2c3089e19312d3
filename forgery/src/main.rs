//! Gives the values of `testdata/forgery/` to the encoders of other projects, and prints what a client gets.
//!
//! Run it by `cargo xtask forgery`. The versions are those of `forgery/Cargo.lock`.

mod encoders;

use std::panic::{self, AssertUnwindSafe};

use encoders::{DATASTAR_ARGUMENTS, ENCODERS, Encoded, Encoder, Writer};
use testkit::forgery::{Field, Forgery, Format, Verdict, forgeries};

/// Columns of the table.
const FIELDS: [(Field, &str); 4] = [
    (Field::Type, "type"),
    (Field::Id, "ID"),
    (Field::Data, "data"),
    (Field::Comment, "comment"),
];

fn main() {
    // The table has the panics.
    panic::set_hook(Box::new(|_| {}));
    let forgeries = forgeries();
    let versions = Versions::read();

    print!("| encoder |");
    for (field, name) in FIELDS {
        let count = forgeries
            .iter()
            .filter(|forgery| forgery.field == field)
            .count();
        print!(" {name}: {count} values |");
    }
    println!("\n|---|{}", "---|".repeat(FIELDS.len()));
    for encoder in ENCODERS {
        print!("| {} {} |", encoder.package, versions.of(encoder));
        for (field, _) in FIELDS {
            let values = forgeries.iter().filter(|forgery| forgery.field == field);
            let encode = |forgery: &Forgery| (encoder.encode)(forgery);
            print!(" {} |", Count::of(values, &encoder.format, encode));
        }
        println!();
    }

    let values = || {
        forgeries
            .iter()
            .filter(|forgery| forgery.field == Field::Data)
    };
    println!(
        "\n| argument: {} values | `to_string` | axum |",
        values().count()
    );
    println!("|---|---|---|");
    for argument in DATASTAR_ARGUMENTS {
        print!("| `{}` |", argument.name);
        for writer in [Writer::Display, Writer::Axum] {
            let encode = |forgery: &Forgery| Some(Ok((argument.encode)(&forgery.value, writer)));
            print!(" {} |", Count::of(values(), &argument.format, encode));
        }
        println!();
    }
}

/// Results of all values for one field of an encoder.
#[derive(Default)]
struct Count {
    forged: u32,
    changed: u32,
    panics: u32,
    refused: u32,
    /// True if the encoder has no such field.
    is_missing: bool,
}

impl Count {
    fn of<'a>(
        values: impl Iterator<Item = &'a Forgery>,
        format: &Format,
        encode: impl Fn(&Forgery) -> Encoded,
    ) -> Self {
        let mut count = Self::default();
        for forgery in values {
            match panic::catch_unwind(AssertUnwindSafe(|| encode(forgery))) {
                Err(_) => count.panics += 1,
                Ok(None) => count.is_missing = true,
                Ok(Some(Err(_))) => count.refused += 1,
                Ok(Some(Ok(wire))) => match forgery.judge_format(format, &wire) {
                    Verdict::Forged => count.forged += 1,
                    Verdict::Changed => count.changed += 1,
                    Verdict::Carried => {}
                },
            }
        }
        count
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_missing {
            return f.write_str("–");
        }
        let parts = [
            ("forged", self.forged),
            ("panics", self.panics),
            ("changed", self.changed),
            ("refused", self.refused),
        ];
        let parts = parts.iter().filter(|(_, count)| *count > 0);
        let parts: Vec<_> = parts
            .map(|(name, count)| match *name {
                "forged" | "panics" => format!("**{count} {name}**"),
                _ => format!("{count} {name}"),
            })
            .collect();
        match &parts[..] {
            [] => f.write_str("all carried"),
            parts => f.write_str(&parts.join(", ")),
        }
    }
}

/// Versions of the lock file, so that none is written by hand.
struct Versions(toml::Table);

impl Versions {
    fn read() -> Self {
        Self(toml::from_str(include_str!("../Cargo.lock")).expect("a lock file"))
    }

    fn of(&self, encoder: &Encoder) -> &str {
        let packages = self.0["package"].as_array().expect("packages");
        let version = packages.iter().find_map(|package| {
            let version = package["version"].as_str()?;
            let is_it = package["name"].as_str() == Some(encoder.package)
                && version.starts_with(encoder.version);
            is_it.then_some(version)
        });
        version.expect("a locked version")
    }
}
