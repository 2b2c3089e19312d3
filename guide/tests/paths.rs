//! Runs the commands of the page for new users, and checks that they print the lines below them.
//!
//! A path is a numbered section. The test does this with its blocks:
//!
//! - `console`: a command follows each `$`, and runs in its own terminal. The lines below it are its expected
//!   output, where `…` matches any text. A command without expected output has to end with success. All others
//!   keep running. `cargo new` creates a project beside the clone, with the last program as its `main.rs`. The
//!   commands after it run in that project.
//! - `html` is a part of the example's page.
//! - `rust` is run by rustdoc. Any other block fails the test.
//!
//! Free ports replace the printed ports, because other processes may use these on this machine.

mod support;

use std::{fs, path::PathBuf, thread};

use support::{Terminal, build_timeout, free_port, root};
use testkit::nats::MAX_FILE_STORE;

const PAGE: &str = include_str!("../getting-started.md");

/// Ports in the page, which are replaced by free ones.
const PORTS: [&str; 4] = ["8080", "8081", "8082", "4222"];

#[test]
fn they_lead_where_they_say() {
    let sections: Vec<_> = PAGE.split("\n## ").collect();
    let paths = sections
        .iter()
        .filter(|heading| heading.starts_with(|first: char| first.is_ascii_digit()));
    let paths: Vec<_> = paths.copied().collect();
    assert_eq!(paths.len(), 6);
    thread::scope(|scope| {
        for (path, number) in paths.iter().zip(1..) {
            assert!(path.starts_with(&format!("{number}. ")), "{path}");
            scope.spawn(move || {
                let walked = Walk::new().all(path);
                // The first path is a table without commands.
                assert!(walked >= 1 || number == 1, "{path}");
            });
        }
    });
}

/// State of one path while its commands run.
struct Walk {
    /// Free port for each of [`PORTS`].
    ports: [u16; 4],
    /// Folder for new projects.
    beside: tempfile::TempDir,
    /// Folder in which commands run.
    folder: PathBuf,
    /// Source of the last program.
    program: String,
    /// Terminals of the commands that keep running.
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

    /// Runs all commands of a path, and returns their number.
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
                // rustdoc runs it.
                "rust" => {}
                "rust,no_run" => self.program = self.adapted(text),
                "html" => {
                    let page = root().join("sse-hyper/examples/page.html");
                    let page = fs::read_to_string(page).expect("the page");
                    text.split('\n')
                        .for_each(|line| assert!(page.contains(line), "{line}"));
                }
                _ => panic!("unknown block language {language:?}"),
            }
        }
        commands
    }

    fn command(&mut self, step: &str) {
        let (line, printed) = step.split_once('\n').unwrap_or((step, ""));
        let new = line
            .strip_prefix("cargo new ")
            .map(|line| line.split(' ').next());
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

    /// Adds the program and this workspace's `Cargo.lock` to a new project, so that dependencies are not rebuilt.
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

    /// Returns the text with free ports and with the path of this clone.
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
