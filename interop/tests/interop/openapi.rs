//! Checks `/openapi.json` of `sse hub` with schemathesis. It sends valid and invalid requests to each documented path,
//! and checks that each response is one that the document describes: its status, its headers, and its content. It reads
//! event streams, and checks each event against the `itemSchema`.
//!
//! schemathesis knows OpenAPI 3.2. The hub ends each stream soon (`--max-age`), so no test waits for a timeout.

use std::{
    fs::{self, File},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use interop::{
    curl, folder,
    mercure::Hub,
    process::{Process, output},
    server,
};
use serde_json::Value;
use testkit::{port, timeout::test_timeout};

/// Number of generated requests for each method of a path, in addition to those for the limits of each schema.
const EXAMPLES: &str = "20";

/// Makes each run send the same requests.
const SEED: &str = "1";

/// Maximum age of a stream, in seconds.
const MAX_AGE: &str = "--max-age=0.1";

const PUBLISH_TOKEN: &str = "for-publishers";

/// Tokens of the hub, and the checks that do not apply.
//
// - Schemas count characters where the hub counts bytes, and no schema can say that only a text/plain body has a query.
//   So the hub refuses some requests that fit their schemas.
// - An event that is too large gets status 413, which is not in the list of schemathesis.
const CONFIG: &str = r#"
[checks.positive_data_acceptance]
enabled = false

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 413, 415]

[auth.openapi.publishToken]
bearer = "for-publishers"

[auth.openapi.subscribeToken]
bearer = "for-subscribers"

[auth.openapi.metricsToken]
bearer = "for-metrics"
"#;

#[test]
fn responses_are_as_documented() -> Result<()> {
    let (port, _hub) = start_hub(&["--debugger", "--gzip", "--ping", "--keep-alive=0.02"])?;
    let report = check(port, CONFIG, &["--phases=coverage,fuzzing"])?;
    // All but `GET /openapi.json`, with which schemathesis begins.
    ensure!(report["operations"]["tested"] == 10, "{report}");
    Ok(())
}

#[test]
fn published_events_are_as_documented() -> Result<()> {
    let (port, _hub) = start_hub(&[])?;
    for event in [
        &["topic=news", "type=add", "data=two\nlines"][..],
        &["topic=news", "data={}"],
    ] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "--noproxy", "*"]);
        curl.args(["--oauth2-bearer", PUBLISH_TOKEN]);
        for field in event {
            curl.args(["--data-urlencode", field]);
        }
        output(curl.arg(server::url(port, "/publish")))?;
    }
    let all = r#"
[[operations]]
include-operation-id = "subscribe"
parameters = { "query.topic" = ["news"], "query.lastEventId" = "earliest", "header.Last-Event-ID" = "earliest" }
"#;
    let only = [
        "--phases=fuzzing",
        "--include-operation-id=subscribe",
        "--mode=positive",
    ];
    let report = check(port, &[CONFIG, all].concat(), &only)?;
    let accepted = &report["valid_rates"]["GET /events"]["fuzzing"]["accepted"];
    ensure!(accepted.as_u64() > Some(0), "{report}");
    let (_, stream) = curl::response(
        &server::url(port, "/events?topic=news&earliest"),
        &["--oauth2-bearer", "for-subscribers"],
    )?;
    ensure!(
        String::from_utf8_lossy(&stream).contains("data: two\ndata: lines\n"),
        "{stream:?}"
    );
    Ok(())
}

#[test]
fn responses_of_mercure_are_as_documented() -> Result<()> {
    let hub = Hub::start(&[
        MAX_AGE,
        "--mercure-subscriptions",
        "--metrics-token=for-metrics",
    ])?;
    // - No schema can say that a subscription needs one of several parameters.
    // - A form with one value has no array, as schemathesis expects it.
    let config = format!(
        r#"
[auth.openapi.accessToken]
bearer = "{}"

[[operations]]
include-operation-id = ["mercureSubscribe", "mercureSubscribeHead", "mercureQuery"]
parameters = {{ "query.match" = ["a"] }}

[[operations]]
include-operation-id = "mercurePublish"
checks.negative_data_rejection.enabled = false
"#,
        hub.token(&["publish", "subscribe"])?
    );
    let report = check(
        hub.port,
        &[CONFIG, &config].concat(),
        &["--phases=coverage,fuzzing"],
    )?;
    ensure!(report["operations"]["tested"] == 17, "{report}");
    Ok(())
}

/// Starts a hub with tokens and these options, and returns its port.
fn start_hub(options: &[&str]) -> Result<(u16, Process)> {
    let port = port::free()?;
    let mut command = Command::new(folder::prepared("sse")?);
    command.args(["hub", "--listen", &format!("127.0.0.1:{port}"), MAX_AGE]);
    command.args(options);
    for (name, token) in [
        ("SSE_HUB_PUBLISH_TOKEN", PUBLISH_TOKEN),
        ("SSE_HUB_SUBSCRIBE_TOKEN", "for-subscribers"),
        ("SSE_HUB_METRICS_TOKEN", "for-metrics"),
    ] {
        command.env(name, token);
    }
    let hub = Process::listening(&mut command, port)?;
    Ok((port, hub))
}

/// Checks the hub at this port, and returns the report. Returns an error if a response is not as documented.
fn check(port: u16, config: &str, options: &[&str]) -> Result<Value> {
    let folder = folder::scratch("schemathesis")?;
    let [config_file, report, printed] =
        ["schemathesis.toml", "report.json", "printed"].map(|name| folder.join(name));
    fs::write(&config_file, config)?;
    let mut command = Command::new(folder::prepared("python/bin/schemathesis")?);
    command.arg("--config-file").arg(&config_file);
    command.args(["run", &server::url(port, "/openapi.json")]);
    command
        .args(["--seed", SEED, "--max-examples", EXAMPLES])
        .args(options);
    // The machine may be busy, so nothing is too slow.
    command.args(["--suppress-health-check", "all"]);
    // This is only for a server that hangs.
    command.args(["--request-timeout", &test_timeout().as_secs().to_string()]);
    command.arg("--report-json-path").arg(&report);
    command.current_dir(&folder).env("NO_PROXY", "*");
    command.stdout(File::create(&printed)?);
    let status = Process::start(&mut command)?.ended_within(test_timeout())?;
    let printed = fs::read_to_string(printed)?;
    ensure!(status.success(), "{status}: {printed}");
    let report: Value = serde_json::from_str(&fs::read_to_string(report)?)?;
    let operations = &report["operations"];
    ensure!(operations["tested"] == operations["selected"], "{printed}");
    let cases = report["test_cases"]["generated"]
        .as_u64()
        .context("no number of cases")?;
    eprintln!(
        "schemathesis: {cases} requests to {} methods",
        operations["tested"]
    );
    Ok(report)
}
