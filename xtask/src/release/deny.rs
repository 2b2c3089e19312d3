//! What comes along with the packages: under which licences, from where, how often, and whether
//! somebody has warned of it. `deny.toml` says what may be.

use anyhow::Result;

use super::packages::{at, folder};
use crate::{
    run::{command, output, root, run},
    setup,
};

/// The version of cargo-deny.
const DENY: &str = "0.20.2";

/// Checks all, and the advisories where their database can be had.
pub(crate) fn check() -> Result<()> {
    let tool = setup::tool("cargo-deny", DENY)?.display().to_string();
    let deny = |arguments: &str| {
        let mut deny = command(&tool, "--all-features --exclude-dev");
        deny.arg("--config").arg(root().join("deny.toml"));
        deny.args(arguments.split_whitespace());
        at(&mut deny, &folder());
        deny
    };
    run(deny("check bans licenses sources"))?;
    if output(deny("fetch db")).is_none() {
        eprintln!("not checked: advisories, as their database cannot be fetched");
        return Ok(());
    }
    run(deny("check --disable-fetch advisories"))
}
