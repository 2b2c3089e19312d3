//! The demo by several servers, which have the same events over NATS.

use std::{
    fs,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    background::Background,
    page,
    run::{cargo, run, target},
    setup,
};

/// When a node is started again that was killed: late enough to see what happens without it.
const AWAY: Duration = Duration::from_secs(10);

/// Builds the page, serves it on so many ports of 127.0.0.1 with the same live updates, and says what to
/// do with them.
pub(crate) fn serve(port: u16, nodes: u16) -> Result<()> {
    setup::program("nats-server", "nats-server")?;
    let page = page::build()?;
    run(cargo("build --package web --features nats --bin node"))?;

    let folder = target().join("demo").join(format!("nats-{port}"));
    fs::create_dir_all(&folder)?;
    let nats_port = testkit::port::free()?;
    let mut nats = testkit::nats::command(nats_port, &folder, "")?;
    let mut nats = Background::start(&mut nats, nats_port)?;

    let nats_url = format!("nats://127.0.0.1:{nats_port}");
    let mut running = Vec::new();
    for number in 1..=nodes {
        running.push(Node::start(&page, &nats_url, port, number, nodes)?);
    }
    eprintln!("\nThe same events at {nodes} servers, over {nats_url}:");
    running.iter().for_each(Node::print);
    print_hints(port, nats.id());
    loop {
        sleep(Duration::from_millis(100));
        if let Some(status) = nats.ended()? {
            bail!(
                "NATS has ended: {status}; see {}",
                folder.join("log").display()
            );
        }
        running.iter_mut().try_for_each(Node::keep)?;
    }
}

fn print_hints(port: u16, nats: u32) {
    eprintln!(
        "
Kill one: its page loses its connection, the other goes on, but for the feeds of the one that is gone.
It is started again after {} s, and its page misses nothing. What was begun at one can be continued at
another:

  curl -N http://127.0.0.1:{port}/events
  curl -N -H 'Last-Event-ID: N' http://127.0.0.1:{}/events

To see them without NATS for a while: kill -STOP {nats}, then kill -CONT {nats}",
        AWAY.as_secs(),
        port + 1,
    );
}

/// A server, started again and again.
struct Node {
    number: u16,
    port: u16,
    command: Command,
    process: Option<Background>,
    /// When to start it.
    due: Instant,
}

impl Node {
    fn start(page: &Path, nats: &str, first: u16, number: u16, nodes: u16) -> Result<Self> {
        let port = first + number - 1;
        let mut command = Command::new(target().join("debug/node"));
        command.args(["--nats", nats]).arg("--page").arg(page);
        command.args(["--port", &port.to_string()]);
        command.args(["--number", &number.to_string(), "--of", &nodes.to_string()]);
        Ok(Self {
            process: Some(Background::start(&mut command, port)?),
            number,
            port,
            command,
            due: Instant::now(),
        })
    }

    fn print(&self) {
        if let Some(process) = &self.process {
            let Self { number, port, .. } = self;
            eprintln!(
                "  node {number}: http://127.0.0.1:{port}/   kill {}",
                process.id()
            );
        }
    }

    /// Starts it again if it has ended a while ago.
    fn keep(&mut self) -> Result<()> {
        match &mut self.process {
            Some(process) => {
                if let Some(status) = process.ended()? {
                    eprintln!("  node {}: {status}", self.number);
                    self.process = None;
                    self.due = Instant::now() + AWAY;
                }
            }
            None if Instant::now() >= self.due => {
                self.process = Some(Background::start(&mut self.command, self.port)?);
                self.print();
            }
            None => {}
        }
        Ok(())
    }
}
