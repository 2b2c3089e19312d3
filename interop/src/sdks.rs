//! Matrix of SDKs and their features, with servers and a client of ours.
//!
//! The programs in `sdks/` print a line of JSON for each feature that they check. What they check is in their files.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::port;

use crate::{
    check::Check,
    cutter::Cutter,
    folder,
    process::{Process, output},
    server::{Server, url},
};

/// Start of the second step of the tool `count`, in the message that reports it.
const SECOND_STEP: &str = r#""progress":2,"#;

/// Scenarios of MCP's conformance tests for servers that concern the transport. The others concern kinds of content.
const SERVER_SCENARIOS: [&str; 13] = [
    "server-initialize",
    "ping",
    "logging-set-level",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-error",
    "tools-call-with-logging",
    "tools-call-with-progress",
    "tools-call-sampling",
    "tools-call-elicitation",
    "server-sse-polling",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
];

/// Scenarios of MCP's conformance tests for clients, each with the arguments of our client. The others concern OAuth and
/// forms.
const CLIENT_SCENARIOS: [(&str, &str); 3] = [
    ("initialize", ""),
    (
        "tools_call",
        r#" --tool add_numbers --arguments '{"a":5,"b":3}'"#,
    ),
    ("sse-retry", " --tool test_reconnection"),
];

/// Checks all features of all SDKs.
pub fn run() -> Result<Vec<Check>> {
    let protocols = Protocols::start()?;
    let server = protocols.url();
    let contract = Server::start("hyper")?;
    let golden = contract.url("");

    let mut checks = Vec::new();
    for script in [
        "openai.mjs",
        "anthropic.mjs",
        "ai.mjs",
        "ag_ui.mjs",
        "graphql.mjs",
    ] {
        checks.extend(checked(node(script)?.arg(&server))?);
    }
    checks.extend(checked(python("llm.py")?.arg(&server))?);
    for client in ["v1", "v2", "stateless"] {
        let cutter = Cutter::start_at(protocols.port, SECOND_STEP)?;
        let arguments = [&server, &url(cutter.port, ""), client];
        checks.extend(resumed(checked(node("mcp.mjs")?.args(arguments))?, &cutter));
    }
    let cutter = Cutter::start_at(protocols.port, SECOND_STEP)?;
    let arguments = [&server, &url(cutter.port, "")];
    checks.extend(resumed(
        checked(python("mcp_client.py")?.args(arguments))?,
        &cutter,
    ));
    for client in [
        "eventsource",
        "undici",
        "launchdarkly-eventsource",
        "eventsource-parser",
    ] {
        let cutter = Cutter::start(contract.port)?;
        let arguments = [&golden, &url(cutter.port, ""), client];
        checks.extend(resumed(
            checked(node("sources.mjs")?.args(arguments))?,
            &cutter,
        ));
    }
    checks.extend(checked(python("sources.py")?.arg(&golden))?);
    checks.extend(mcp_servers()?);
    Ok(checks)
}

/// Returns the checks of a client that has used this proxy. It must have resumed the stream that was cut.
fn resumed(mut checks: Vec<Check>, proxy: &Cutter) -> Vec<Check> {
    for check in &mut checks {
        if check.feature == "resumes" && check.error.is_none() {
            check.error = ensure_resumed(proxy).err().map(|error| error.to_string());
        }
    }
    checks
}

/// Runs MCP's conformance tests with our server and our client.
pub fn conformance() -> Result<Vec<Check>> {
    let protocols = Protocols::start()?;
    let url = [&protocols.url(), "/mcp"].concat();
    let mut checks = Vec::new();
    for scenario in SERVER_SCENARIOS {
        let arguments = ["server", "--url", &url, "--scenario", scenario];
        checks.push(conforms("server", scenario, &arguments)?);
    }
    let client = folder::prepared("mcp_client")?;
    for (scenario, arguments) in CLIENT_SCENARIOS {
        let command = format!("{}{arguments}", client.display());
        let arguments = ["client", "--command", &command, "--scenario", scenario];
        checks.push(conforms("client", scenario, &arguments)?);
    }
    Ok(checks)
}

fn conforms(role: &str, scenario: &str, arguments: &[&str]) -> Result<Check> {
    let package = "@modelcontextprotocol/conformance";
    let mut command = node(&format!("node_modules/{package}/dist/index.js"))?;
    // The program keeps its results in the current folder.
    command
        .args(arguments)
        .current_dir(folder::scratch("conformance")?);
    Ok(Check {
        sdk: format!("MCP conformance, {role}"),
        version: npm_version(package)?,
        feature: scenario.to_owned(),
        error: output(&mut command).err().map(|error| format!("{error:#}")),
    })
}

/// Checks our client with the servers of MCP's SDKs.
fn mcp_servers() -> Result<Vec<Check>> {
    let typescript = SdkServer::start(node("mcp_server.mjs")?)?;
    let python = SdkServer::start(python("mcp_server.py")?)?;
    let v1 = npm_version("@modelcontextprotocol/sdk")?;
    let v2 = npm_version("@modelcontextprotocol/server")?;
    let of_python = python_version("mcp")?;
    let mut checks = Vec::new();
    for (sdk, version, server, path) in [
        (
            "2025-11-25, server in TypeScript v1",
            &v1,
            &typescript,
            "/v1",
        ),
        (
            "2025-11-25, server in TypeScript v2",
            &v2,
            &typescript,
            "/v2",
        ),
        ("2025-11-25, server in Python", &of_python, &python, "/mcp"),
        (
            "2026-07-28, server in TypeScript v2",
            &v2,
            &typescript,
            "/stateless",
        ),
        ("2026-07-28, server in Python", &of_python, &python, "/mcp"),
    ] {
        let mut check = |feature: &str, result: Result<()>| {
            checks.push(Check {
                sdk: format!("MCP {sdk}"),
                version: version.clone(),
                feature: feature.to_owned(),
                error: result.err().map(|error| format!("{error:#}")),
            });
        };
        let port = server.port;
        if sdk.starts_with("2026-07-28") {
            check(
                "streams",
                calls("count", &url(port, path), &["--stateless"]),
            );
            continue;
        }
        check("streams", calls("count", &url(port, path), &[]));
        let cutter = Cutter::start_at(port, SECOND_STEP)?;
        let resumed = calls("count", &url(cutter.port, path), &[]);
        check("resumes", resumed.and_then(|()| ensure_resumed(&cutter)));
        // The server closes the connection itself.
        let proxy = Cutter::start_without_cut(port)?;
        let polled = calls("poll", &url(proxy.port, path), &[]);
        check("polls", polled.and_then(|()| ensure_resumed(&proxy)));
    }
    Ok(checks)
}

/// Running server of an SDK.
struct SdkServer {
    port: u16,
    _process: Process,
}

impl SdkServer {
    fn start(mut command: Command) -> Result<Self> {
        let port = port::free()?;
        let log = File::create(folder::scratch("sdk")?.join("log"))?;
        command
            .arg(port.to_string())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Self {
            port,
            _process: Process::listening(&mut command, port)?,
        })
    }
}

/// Calls a tool that counts to five, and checks each step.
fn calls(tool: &str, url: &str, options: &[&str]) -> Result<()> {
    let mut client = Command::new(folder::prepared("mcp_client")?);
    client.args(options);
    let arguments = ["--tool", tool, "--arguments", r#"{"to":5}"#, url];
    let printed = String::from_utf8(output(client.args(arguments))?)?;
    let steps: Vec<_> = (1..=5)
        .map(|step| format!(r#""progress":{step},"#))
        .collect();
    let lines: Vec<_> = printed.trim_end().split('\n').collect();
    let is_right = lines.len() == steps.len() + 1
        && lines
            .iter()
            .zip(&steps)
            .all(|(line, step)| line.contains(step))
        && printed.contains("counted to 5");
    ensure!(is_right, "unexpected messages: {printed}");
    Ok(())
}

/// Checks that the last stream was resumed with the ID of an event.
fn ensure_resumed(proxy: &Cutter) -> Result<()> {
    let ids = proxy.last_event_ids();
    ensure!(
        ids.iter().any(Option::is_some),
        "no request had a Last-Event-ID: {ids:?}"
    );
    Ok(())
}

/// Running example `protocols`.
struct Protocols {
    port: u16,
    _process: Process,
}

impl Protocols {
    fn start() -> Result<Self> {
        let port = port::free()?;
        let mut command = Command::new(folder::prepared("protocols")?);
        command.env("PORT", port.to_string());
        Ok(Self {
            port,
            _process: Process::listening(&mut command, port)?,
        })
    }

    fn url(&self) -> String {
        url(self.port, "")
    }
}

fn sdks() -> Result<PathBuf> {
    folder::prepared("sdks")
}

/// Returns a command that runs a script with the version of node that the SDKs need.
fn node(script: &str) -> Result<Command> {
    let folder = sdks()?;
    let mut command = Command::new(folder.join("node_modules/.bin/node"));
    command.arg(folder.join(script));
    Ok(command)
}

fn python(script: &str) -> Result<Command> {
    let folder = sdks()?;
    let mut command = Command::new(folder.join("python/bin/python3"));
    command.arg(folder.join(script)).env("NO_PROXY", "*");
    Ok(command)
}

/// Returns the version of an installed package of npm.
fn npm_version(package: &str) -> Result<String> {
    let manifest = sdks()?
        .join("node_modules")
        .join(package)
        .join("package.json");
    let manifest: Value = serde_json::from_slice(&fs::read(manifest)?)?;
    let version = manifest["version"].as_str();
    Ok(version.context("the package has no version")?.to_owned())
}

/// Returns the version of an installed package of PyPI.
fn python_version(package: &str) -> Result<String> {
    let mut command = Command::new(sdks()?.join("python/bin/python3"));
    let program = "import sys, importlib.metadata; print(importlib.metadata.version(sys.argv[1]))";
    let version = output(command.args(["-c", program, package]))?;
    Ok(String::from_utf8(version)?.trim().to_owned())
}

/// Runs a program, and returns the checks that it prints.
fn checked(command: &mut Command) -> Result<Vec<Check>> {
    let printed = String::from_utf8(output(command)?)?;
    let lines = printed.split('\n').filter(|line| line.starts_with('{'));
    let checks: Vec<Check> = lines
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect::<Result<_>>()?;
    ensure!(!checks.is_empty(), "{command:?} checked nothing");
    Ok(checks)
}
