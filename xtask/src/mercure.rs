//! Runs the public conformance tests of the Mercure protocol against `sse hub --mercure`.
//!
//! The tests are not a part of this repository, because of their licence. They are in the folder `conformance-tests` of
//! the repository `dunglas/mercure` on GitHub.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use crate::{
    run::{Background, cargo, command, run, target},
    setup,
};

/// Version of the test runner. Later ones send commands that Firefox ESR does not know.
const PLAYWRIGHT: &str = "@playwright/test@1.60.0";

/// File with the tests.
const TESTS: &str = "mercure.spec.ts";

/// Issuer of the token in the tests.
const ISSUERS: &str = r#"[[issuer]]
id = "https://localhost"
publisher = { key = "!ChangeThisMercureHubJWTSecretKey!", algorithm = "HS256" }
subscriber = { key = "!ChangeThisMercureHubJWTSecretKey!", algorithm = "HS256" }
"#;

/// Runs the tests of this folder in Chromium and Firefox, over TLS with HTTP/2.
pub(crate) fn test(suite: &Path) -> Result<()> {
    let tests = suite.join(TESTS);
    ensure!(
        tests.is_file(),
        "{} is missing: clone https://github.com/dunglas/mercure, and pass its folder \
         conformance-tests",
        tests.display()
    );
    let browsers = [("chromium", "chromium"), ("firefox", "firefox-esr")];
    let mut paths = Vec::new();
    for (_, program) in browsers {
        paths.push(setup::program(program, program)?.display().to_string());
    }
    setup::program("openssl", "openssl")?;
    let folder = target().join("mercure-conformance");
    fs::create_dir_all(&folder)?;
    fs::copy(&tests, folder.join(TESTS))?;
    fs::write(
        folder.join("package.json"),
        r#"{ "private": true, "type": "commonjs" }"#,
    )?;
    fs::write(folder.join("playwright.config.ts"), config(&paths))?;
    fs::write(folder.join("issuers.toml"), ISSUERS)?;
    let mut npm = command("npm", "install --silent --no-audit --no-fund @types/node");
    run(npm.arg(PLAYWRIGHT).current_dir(&folder))?;
    let mut openssl = command(
        "openssl",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
         -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem",
    );
    run(openssl.current_dir(&folder))?;
    run(cargo("build --package sse-cli"))?;
    let port = testkit::port::free()?;
    let mut hub = command(
        &target().join("debug/sse").display().to_string(),
        "hub --tls-cert cert.pem --tls-key key.pem --mercure https://localhost/.well-known/mercure \
         --mercure-issuers issuers.toml --mercure-anonymous --no-store",
    );
    hub.arg(format!("--listen=127.0.0.1:{port}"))
        .current_dir(&folder);
    let _hub = Background::start(&mut hub, port)?;
    let mut playwright = command("npx", "playwright test");
    playwright
        .env("BASE_URL", format!("https://localhost:{port}"))
        // The hub keeps the IDs of publishers.
        .env("CUSTOM_ID", "1")
        .current_dir(&folder);
    run(playwright).context("the conformance tests")
}

/// Returns the configuration of the test runner for the browsers at these paths.
fn config(paths: &[String]) -> String {
    let [chromium, firefox] = paths else {
        return String::new();
    };
    format!(
        r#"export default {{
  testDir: ".", timeout: 30000, workers: 1, reporter: "line",
  use: {{ baseURL: process.env.BASE_URL, ignoreHTTPSErrors: true }},
  projects: [
    {{ name: "chromium", use: {{ browserName: "chromium", launchOptions: {{
      executablePath: {chromium:?}, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] }} }} }},
    {{ name: "firefox", use: {{ browserName: "firefox", channel: "moz-firefox", launchOptions: {{
      executablePath: {firefox:?} }} }} }},
  ],
}};
"#
    )
}
