//! `sse hub --config`: the configuration file, its precedence, and its errors.
#![cfg(feature = "hub")]

mod support;

use std::{fs, path::PathBuf};

use http::Method;
use support::{
    Done,
    hub::{Hub, TOKEN},
    run, sse,
};
use tempfile::{TempDir, tempdir};

/// Configuration file in a folder of its own.
struct File {
    folder: TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let file = Self {
            folder: tempdir().unwrap(),
        };
        fs::write(file.path(), text).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("hub.toml")
    }

    /// Starts the hub in the folder of the file, on any free port.
    fn start(&self, options: &[&str]) -> Hub {
        Hub::start_command(self.command().args(options))
    }

    fn command(&self) -> std::process::Command {
        let mut command = sse(["hub", "--config=hub.toml", "--listen=127.0.0.1:0"]);
        command.current_dir(self.folder.path());
        command
    }
}

/// Runs the hub with a file that it refuses.
fn refused(text: &str) -> Done {
    let done = run(&mut File::new(text).command(), "");
    assert_eq!(done.code, Some(2), "{text}: {}", done.stderr);
    assert_eq!(done.stdout, "");
    done
}

#[tokio::test]
async fn options_come_from_a_file() {
    let file = File::new(&format!(
        "# A comment.\nlisten = ['127.0.0.1:0']\npublish-token = '{TOKEN}'\nmax-event = 0x10\n\
         allow-origin = ['https://a.example', \"https://*.b.example\"]\nkeep-alive = 0.1\nping = true\n\
         no-position = false\nmax-subscribers = \"1\"\nlog = 'off'\n"
    ));
    let path = file.path();
    let hub = Hub::start_command(sse(["hub"]).arg("--config").arg(&path));
    assert_eq!(
        hub.publish("?topic=a", "text/plain", "x".repeat(16))
            .await
            .status,
        200
    );
    assert_eq!(
        hub.publish("?topic=a", "text/plain", "x".repeat(17))
            .await
            .status,
        413
    );
    for origin in ["https://a.example", "https://c.b.example"] {
        let request = hub.request(Method::GET, "/events").header("origin", origin);
        let reply = hub.send(request, "").await;
        assert_eq!(reply.header("access-control-allow-origin"), origin);
    }
    let mut follower = hub.follow("topic=a").await;
    assert_eq!(follower.event().await.0, "ping");
    assert_eq!(hub.get("/events?topic=a").await.status, 503);

    // The environment names the file, too.
    let hub = Hub::start_command(sse(["hub"]).env("SSE_HUB_CONFIG", &path));
    assert_eq!(
        hub.publish("?topic=a", "text/plain", "x".repeat(17))
            .await
            .status,
        413
    );
}

#[tokio::test]
async fn the_command_line_precedes_the_environment_and_the_environment_the_file() {
    let file = File::new(&format!(
        "listen = 'nowhere.invalid:1'\npublish-token = '{TOKEN}'\nmax-event = 10\nping = true\n\
         allow-host = ['file.example']\n"
    ));
    let max = async |hub: &Hub| {
        for bytes in [11, 21, 31] {
            if hub
                .publish("?topic=a", "text/plain", "x".repeat(bytes))
                .await
                .status
                == 413
            {
                return bytes - 1;
            }
        }
        0
    };
    assert_eq!(max(&file.start(&[])).await, 10);
    let mut command = file.command();
    command.env("SSE_HUB_MAX_EVENT", "20");
    assert_eq!(max(&Hub::start_command(&mut command)).await, 20);
    command.arg("--max-event=30");
    assert_eq!(max(&Hub::start_command(&mut command)).await, 30);

    // A list replaces the list of the file, and `false` in the environment replaces `true`.
    let mut command = file.command();
    command.env("SSE_HUB_PING", "false");
    let hub = Hub::start_command(command.arg("--allow-host=option.example"));
    let status = async |host: &str| {
        let request = hub.request(Method::GET, "/healthz").header("host", host);
        hub.send(request, "").await.status
    };
    assert_eq!(status("option.example").await, 200);
    assert_eq!(status("file.example").await, 421);
    assert_eq!(
        hub.publish("?topic=a&type=ping", "text/plain", "x")
            .await
            .status,
        200
    );
    assert_eq!(
        file.start(&[])
            .publish("?topic=a&type=ping", "text/plain", "x")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn an_option_may_need_another_one_of_the_file() {
    let file = File::new("subscribe-token = 'for-readers'\n");
    let hub = file.start(&["--token-in-url"]);
    assert_eq!(hub.get("/events?topic=a").await.status, 401);
    let right = hub
        .get("/events?topic=a&access_token=for-readers&x=1")
        .await;
    assert_eq!(right.status, 400, "{}", right.text);

    let done = refused("token-in-url = true\n");
    assert!(done.stderr.contains("--subscribe-token"), "{}", done.stderr);
}

#[test]
fn an_error_has_its_file_line_and_reason() {
    for (text, expected) in [
        (
            "\n# a\nmax-subscriber = 1\n",
            "hub.toml:3: unknown key \"max-subscriber\"; did you mean max-subscribers?",
        ),
        (
            "max_event = 1\n",
            "hub.toml:1: unknown key \"max_event\"; did you mean max-event?",
        ),
        ("zzz = 1\n", "hub.toml:1: unknown key \"zzz\"\n"),
        ("help = true\n", "hub.toml:1: unknown key \"help\""),
        (
            "config = 'other.toml'\n",
            "hub.toml:1: unknown key \"config\"",
        ),
        ("[hub]\nmax-event = 1\n", "hub.toml:1: unknown key \"hub\""),
        // The first error of the file is reported.
        (
            "max-lag = 1\nzzz = 1\nyyy = 1\n",
            "hub.toml:2: unknown key \"zzz\"",
        ),
        (
            "gzip = true\nmax-event = 0\n",
            "hub.toml:2: invalid value '0' for '--max-event <BYTES>': must be at least 1",
        ),
        (
            "listen = [\n  '8080',\n]\n",
            "hub.toml:1: invalid value '8080' for '--listen <ADDRESS>': expected an IP address or",
        ),
        (
            "slow = 'fast'\n",
            "hub.toml:1: invalid value 'fast' for '--slow <POLICY>' [possible values: disconnect, skip",
        ),
        (
            "allow-origin = ['null']\n",
            "any page could read the events",
        ),
        ("max-event = 18446744073709551616\n", "number too large"),
        (
            "max-event = true\n",
            "hub.toml:1: invalid value 'true' for '--max-event",
        ),
        ("gzip = 1\n", "hub.toml:1: gzip: expected true or false"),
        (
            "gzip = 'true'\n",
            "hub.toml:1: gzip: expected true or false",
        ),
        (
            "max-event = 1979-05-27\n",
            "hub.toml:1: max-event: expected a string, a number",
        ),
        (
            "max-event = { a = 1 }\n",
            "hub.toml:1: max-event: expected a string, a number",
        ),
        (
            "max-event = [1, 2]\n",
            "hub.toml:1: max-event: expected one value, but there are 2",
        ),
        (
            "allow-host = [['a']]\n",
            "hub.toml:1: allow-host: expected an array of strings",
        ),
        (
            "ping = true\ngzip = true\nping = false\n",
            "hub.toml:3: duplicate key",
        ),
        ("max-event = \n", "hub.toml:1: "),
    ] {
        let stderr = refused(text).stderr;
        assert!(stderr.contains(expected), "{text}: {stderr}");
    }
    // An invalid value is an error even if another one has precedence.
    let file = File::new("max-event = 0\n");
    let done = run(file.command().arg("--max-event=1"), "");
    assert!(
        done.stderr.contains("hub.toml:1: invalid value '0'"),
        "{}",
        done.stderr
    );

    let done = run(&mut sse(["hub", "--config=missing.toml"]), "");
    assert_eq!(done.code, Some(2));
    assert!(
        done.stderr.contains("cannot read missing.toml: "),
        "{}",
        done.stderr
    );
    // Errors of the command line come first.
    let done = run(File::new("zzz = 1\n").command().arg("--max-event=0"), "");
    assert!(!done.stderr.contains("zzz"), "{}", done.stderr);
    assert!(done.stderr.contains("--max-event"), "{}", done.stderr);
}

/// Returns the options whose value the help does not show.
fn secret_options() -> Vec<String> {
    let help = run(sse(["hub"]).arg("--help"), "").stdout;
    let names = help.split('\n').filter_map(|line| {
        let (_, name) = line
            .trim()
            .strip_suffix(']')?
            .split_once("[env: SSE_HUB_")?;
        (!name.contains('=')).then(|| name.to_lowercase().replace('_', "-"))
    });
    names.collect()
}

#[test]
fn no_error_has_a_secret_of_the_file() {
    let options = secret_options();
    for name in [
        "publish-token",
        "subscribe-token",
        "metrics-token",
        "id-key",
    ] {
        assert!(
            options.iter().any(|option| option == name),
            "{name} in {options:?}"
        );
    }
    for option in options {
        let secret = "not to be told";
        for text in [
            format!("{option} = '{secret}'\nzzz = 1\n"),
            format!("{option} = ['{secret}', '{secret}']\n"),
            format!("{option} = '{secret}\n"),
            format!("{option} = {secret}\n"),
            format!("{option} = \"{secret}\\q\"\n"),
            format!("{option} = ['{secret}'\n"),
            format!("{option} '{secret}'\n"),
            format!("{option} = '{secret}'\n{option} = '{secret}'\n"),
            format!("{option} = {{ a = '{secret}' }}\n"),
        ] {
            let stderr = refused(&text).stderr;
            assert!(!stderr.contains("told"), "{text}: {stderr}");
            assert!(stderr.contains("hub.toml:"), "{text}: {stderr}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_with_a_secret_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;

    for (text, mode, is_warned_of) in [
        ("publish-token = 'secret'\n", 0o644, true),
        ("publish-token = 'secret'\n", 0o640, false),
        ("nats = 'nats://user:secret@127.0.0.1:1'\n", 0o644, true),
        ("nats = 'nats://127.0.0.1:1'\n", 0o644, false),
        ("max-event = 1\n", 0o644, false),
    ] {
        if cfg!(not(feature = "nats")) && text.starts_with("nats") {
            continue;
        }
        let file = File::new(text);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let mut hub = file.start(&[]);
        hub.running.child.kill().unwrap();
        let stderr = hub.running.stderr.rest();
        let warning = "warning: other users of this machine can read hub.toml";
        assert_eq!(stderr.contains(warning), is_warned_of, "{text}: {stderr}");
        assert!(!stderr.contains("secret"), "{stderr}");
    }
}

/// Reads the file once: a shell passes the output of a program, such as a store of passwords, as a pipe.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_file_may_be_a_pipe() {
    let mut command = sse(["hub", "--config=/dev/stdin", "--listen=127.0.0.1:0"]);
    let mut running = support::Running::start(&mut command);
    let mut stdin = running.child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"publish-token = 'for-publishers'\n").unwrap();
    drop(stdin);
    running.stdout.expect("/\n");
    running.child.kill().unwrap();
    let stderr = running.stderr.rest();
    assert!(
        !stderr.contains("the publish token of this run"),
        "{stderr}"
    );
}

#[tokio::test]
async fn the_example_starts_and_each_of_its_keys_is_known() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/hub.toml");
    let text = fs::read_to_string(path).unwrap();
    let hub = File::new(&text).start(&[]);
    assert_eq!(hub.get("/healthz").await.status, 200);
    if cfg!(not(feature = "nats")) {
        return;
    }
    // The first error of a file is reported, so all keys before the last line are known and their values valid.
    let uncommented = text.replace("\n# ", "\n");
    let is_option = |line: &&str| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        key.is_some_and(|key| {
            key.bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase())
        })
    };
    let options: Vec<_> = uncommented.split('\n').filter(is_option).collect();
    assert!(options.len() > 40, "{options:?}");
    let last = options.len() + 1;
    let stderr = refused(&format!("{}\nzzz = 1\n", options.join("\n"))).stderr;
    assert!(
        stderr.contains(&format!("hub.toml:{last}: unknown key \"zzz\"")),
        "{stderr}"
    );
}
