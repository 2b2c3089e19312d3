//! The npm package as others have it: installed, in Node, and before TypeScript's checker.

use std::fs;

use anyhow::Result;
use testkit::timeout::test_timeout;

use crate::{
    run::{command, root, run},
    setup,
};

/// What its types are checked with, as pages and Node have it.
const CHECK: &str = "--noEmit --strict --target es2022 --lib es2022,dom,dom.iterable \
                     --module nodenext types.ts";

/// Installs the package beside its tests, and runs them.
pub(super) fn installed() -> Result<()> {
    setup::program("node", "nodejs")?;
    let folder = root().join("target/npm/test");
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("package.json"),
        r#"{ "private": true, "type": "module" }"#,
    )?;
    let mut install = command(
        "npm",
        "install --silent --no-audit --no-fund typescript@5.9.3 ../package",
    );
    run(install.current_dir(&folder))?;
    for name in ["package.test.mjs", "types.ts"] {
        fs::copy(root().join("sse-npm/tests").join(name), folder.join(name))?;
    }
    let timeout = test_timeout().as_millis();
    let arguments = format!("--test --test-timeout={timeout} package.test.mjs");
    let mut tests = command("node", &arguments);
    run(tests.current_dir(&folder))?;
    let mut check = command("node_modules/.bin/tsc", CHECK);
    run(check.current_dir(&folder))
}
