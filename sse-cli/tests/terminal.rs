//! `sse get` on a pseudo terminal.
#![cfg(unix)]

mod support;

use std::{fs::OpenOptions, process::Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use support::{Answer, Output, Server, sse, stream};

/// Returns the output of `sse get` on a terminal.
fn shown(options: &[&str], no_color: &str) -> String {
    let body = "event: add\ndata: \x1b[31mred\t\u{9b}\n\n";
    let server = Server::start([Answer::End(stream(body))]);
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal = OpenOptions::new()
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut command = sse(["get", "--no-reconnect", &server.url()]);
    command.args(options).env("NO_COLOR", no_color);
    command.stdout(Stdio::from(terminal));
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut output = Output::new(std::fs::File::from(controller));
    output.expect("\r\n");
    assert!(child.wait().unwrap().success());
    output.rest()
}

#[test]
fn a_terminal_is_not_taken_hold_of() {
    let data = "\\u{1b}[31mred\t\\u{9b}\r\n";
    assert_eq!(shown(&[], ""), format!("\x1b[2m[add]\x1b[0m {data}"));
    assert_eq!(shown(&[], "1"), format!("[add] {data}"));
    let json = shown(&["--json"], "");
    assert!(json.contains(r#""data":"\u001b[31mred\t\u009b""#), "{json}");
}
