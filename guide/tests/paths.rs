//! The paths of the README lead where they say: each command is run, and each line below it comes.
//!
//! A path is a section with a number. Of its blocks, `console` has commands behind `$`, each in a terminal
//! of its own, and below them what they print, in which `…` is anything; a command that prints nothing has
//! to end well, and all others stay. `cargo new` makes a project beside the clone, with the last program as
//! its `main.rs`; the commands behind it run there. `html` is a part of the example's page. Whatever else
//! there is, rustdoc runs or it is a fault.
//!
//! The ports are not those that are printed, so that others may run on this machine.

mod support;

use std::{fs, path::PathBuf, thread};

use support::{Terminal, build_timeout, free_port, root};
use testkit::nats::MAX_FILE_STORE;

const README: &str = include_str!("../../README.md");

/// What is served where, as printed.
const PORTS: [&str; 4] = ["8080", "8081", "8082", "4222"];

#[test]
fn they_lead_where_they_say() {
    let sections: Vec<_> = README.split("\n## ").collect();
    let paths = sections
        .iter()
        .filter(|it| it.starts_with(|first: char| first.is_ascii_digit()));
    let paths: Vec<_> = paths.copied().collect();
    assert_eq!(paths.len(), 6);
    thread::scope(|scope| {
        for (path, number) in paths.iter().zip(1..) {
            assert!(path.starts_with(&format!("{number}. ")), "{path}");
            scope.spawn(move || {
                let walked = Walk::new().all(path);
                // The first one is a table.
                assert!(walked >= 1 || number == 1, "{path}");
            });
        }
    });
}

/// Somebody on a path.
struct Walk {
    /// For each port that is printed, one that is free.
    ports: [u16; 4],
    beside: tempfile::TempDir,
    /// Where commands are run.
    folder: PathBuf,
    program: String,
    terminals: Vec<Terminal>,
}

impl Walk {
    fn new() -> Self {
        Self {
            ports: PORTS.map(|_| free_port()),
            beside: tempfile::tempdir().expect("a folder"),
            folder: root(),
            program: String::new(),
            terminals: Vec::new(),
        }
    }

    /// Gives how many commands there were.
    fn all(&mut self, path: &str) -> usize {
        let mut commands = 0;
        for block in path.split("\n```").skip(1).step_by(2) {
            let (language, text) = block.split_once('\n').expect("a block of lines");
            match language {
                "console" => {
                    self.folder = root();
                    for step in text.split("$ ").skip(1) {
                        self.command(step);
                        commands += 1;
                    }
                }
                // Rustdoc runs it.
                "rust" => {}
                "rust,no_run" => self.program = self.adapted(text),
                "html" => {
                    let page = root().join("sse-hyper/examples/page.html");
                    let page = fs::read_to_string(page).expect("the page");
                    text.split('\n')
                        .for_each(|line| assert!(page.contains(line), "{line}"));
                }
                _ => panic!("{language:?} is not known on a path"),
            }
        }
        commands
    }

    fn command(&mut self, step: &str) {
        let (line, printed) = step.split_once('\n').unwrap_or((step, ""));
        let new = line
            .strip_prefix("cargo new ")
            .map(|it| it.split(' ').next());
        if new.is_some() {
            self.folder = self.beside.path().to_owned();
        }
        let mut adapted = self.adapted(line);
        if line.starts_with("nats-server ") {
            adapted.push_str(&self.nats_options());
        }
        let mut terminal = Terminal::start(&adapted, &self.folder, self.ports[0]);
        if printed.trim().is_empty() {
            let status = terminal.end_within(build_timeout());
            assert!(status.success(), "{line}: {}", terminal.printed());
        } else {
            terminal.expect(self.adapted(printed).trim_end());
            self.terminals.push(terminal);
        }
        if let Some(Some(name)) = new {
            self.folder.push(name);
            self.begin();
        }
    }

    /// A project with this program, and the versions that are here, so that little is built.
    fn begin(&self) {
        let copy = |name: &str| fs::copy(root().join(name), self.folder.join(name));
        copy("Cargo.lock").expect("the versions");
        fs::write(self.folder.join("src/main.rs"), &self.program).expect("a project");
    }

    /// Returns options that let a NATS server make the hub's stream of 1 GiB on a machine whose disk is nearly full.
    fn nats_options(&self) -> String {
        let file = self.beside.path().join("nats.conf");
        let config = format!("jetstream {{ max_file_store: {MAX_FILE_STORE} }}");
        fs::write(&file, config).expect("a configuration");
        format!(" --config {}", file.display())
    }

    /// With the ports that are free, and the clone where it is.
    fn adapted(&self, text: &str) -> String {
        let clone = format!("{}/", root().display());
        let mut text = text.replace("../sse/", &clone);
        for (printed, free) in PORTS.iter().zip(self.ports) {
            text = text.replace(printed, &free.to_string());
        }
        text
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        for terminal in &self.terminals {
            terminal.interrupt();
        }
    }
}
