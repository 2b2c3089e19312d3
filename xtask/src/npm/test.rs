//! Tests the npm package as users have it: installed, in Node, Bun, Deno, workerd and browsers.
//!
//! TypeScript checks its types.

use std::fs;

use anyhow::Result;
use testkit::timeout::test_timeout;

use crate::{
    browser,
    run::{command, root, run},
    setup,
};

/// Packages of the npm registry that the tests need: runtimes and TypeScript.
const TOOLS: &str = "bun@1.4.5 deno@2.9.6 workerd@1.20261117.1 typescript@5.9.3";

/// Files of the tests, which are copied into the folder where the package is installed.
const FILES: [&str; 7] = [
    "package.test.mjs",
    "module.test.mjs",
    "handlers.test.mjs",
    "browser.test.mjs",
    "worker.capnp",
    "worker.mjs",
    "types.ts",
];

/// Tests that run in Node, Bun and Deno, each in a process of its own.
const TESTS: [&str; 3] = [
    "./package.test.mjs",
    "./module.test.mjs",
    "./handlers.test.mjs",
];

/// Arguments of `tsc` that check the types of the package, with the libraries of pages and the modules of Node.
const CHECK: &str = "--noEmit --strict --target es2022 --lib es2022,dom,dom.iterable \
                     --module nodenext types.ts";

/// Installs the package in the folder of its tests, and runs them.
pub(super) fn installed() -> Result<()> {
    setup::program("node", "nodejs")?;
    let folder = root().join("target/npm/test");
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("package.json"),
        r#"{ "private": true, "type": "module" }"#,
    )?;
    let install = format!("install --silent --no-audit --no-fund {TOOLS} ../package");
    run(command("npm", &install).current_dir(&folder))?;
    for name in FILES {
        fs::copy(root().join("sse-npm/tests").join(name), folder.join(name))?;
    }
    let in_folder = |program: &str, arguments: &str| {
        let mut program = command(program, arguments);
        // By default, Deno writes compiled files into the home folder.
        program.env("DENO_DIR", folder.join("deno"));
        run(program.current_dir(&folder))
    };
    let timeout = test_timeout().as_millis();
    for test in TESTS {
        in_folder("node", &format!("--test --test-timeout={timeout} {test}"))?;
        in_folder(
            "node_modules/.bin/bun",
            &format!("test --timeout {timeout} {test}"),
        )?;
        in_folder(
            "node_modules/.bin/deno",
            &format!("test --no-check --allow-all {test}"),
        )?;
    }
    in_folder("node_modules/.bin/workerd", "test worker.capnp")?;
    in_folder("node_modules/.bin/tsc", CHECK)?;
    browser::drive_both(|| {
        let arguments = format!("--test --test-timeout={timeout} browser.test.mjs");
        let mut tests = command("node", &arguments);
        tests.current_dir(&folder);
        tests
    })
}
