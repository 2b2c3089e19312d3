//! Checks the dependencies of the packages: licences, sources, duplicates and advisories.
//!
//! `deny.toml` has the rules.

use std::process::Command;

use anyhow::Result;

use super::{
    packages::{at, folder},
    unchecked::{Unchecked, failure},
};
use crate::{
    run::{command, root, run},
    setup,
};

/// Version of cargo-deny.
const DENY_VERSION: &str = "0.20.2";

/// Runs all checks. The check for advisories needs a database from the network.
pub(crate) fn check(unchecked: Unchecked) -> Result<()> {
    let tool = setup::tool("cargo-deny", DENY_VERSION)?
        .display()
        .to_string();
    let deny = |arguments: &str| {
        let mut deny = command(&tool, "--all-features --exclude-dev");
        deny.arg("--config").arg(root().join("deny.toml"));
        deny.args(arguments.split_whitespace());
        at(&mut deny, &folder());
        deny
    };
    run(deny("check bans licenses sources"))?;
    let check = deny("check --disable-fetch advisories");
    advisories(deny("fetch db"), check, unchecked)
}

/// Fetches the database and checks the dependencies for advisories.
pub(super) fn advisories(mut fetch: Command, check: Command, unchecked: Unchecked) -> Result<()> {
    match failure(&mut fetch)? {
        Some(why) => unchecked.report("advisories", &why),
        None => run(check),
    }
}
