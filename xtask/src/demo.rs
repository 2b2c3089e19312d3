//! Serves the demo, with one server or with several that share their events over NATS.

use std::{
    fs,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    page,
    run::{Background, cargo, root, run, target},
    setup,
};

/// Serves a built page with live updates on 127.0.0.1, and prints its address.
pub(crate) fn serve(port: u16, page: &Path) -> Result<()> {
    let mut server = cargo("run --package web --");
    server
        .arg("--port")
        .arg(port.to_string())
        .arg("--page")
        .arg(page);
    // Each port has its own journal, because two demos must not write to the same one.
    server
        .arg("--journal")
        .arg(root().join(format!("target/demo/events-{port}.sse")));
    run(server)
}

/// Delay before a node that was killed is started again. It leaves time to see what happens without the node.
const RESTART_DELAY: Duration = Duration::from_secs(10);

/// Builds the page, serves it with several servers of 127.0.0.1 that share their live updates, and prints hints.
pub(crate) fn serve_nodes(port: u16, nodes: u16) -> Result<()> {
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
    eprintln!("\n{nodes} servers with the same events, over {nats_url}:");
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
        running.iter_mut().try_for_each(Node::restart_if_ended)?;
    }
}

fn print_hints(port: u16, nats: u32) {
    eprintln!(
        "
Kill a server: its page loses the connection. The other servers continue, but without the feeds of the
killed one. It is started again after {} s, and its page misses nothing. A client can resume on another
server:

  curl -N http://127.0.0.1:{port}/events
  curl -N -H 'Last-Event-ID: N' http://127.0.0.1:{}/events

To see the servers without NATS: kill -STOP {nats}, then kill -CONT {nats}",
        RESTART_DELAY.as_secs(),
        port + 1,
    );
}

/// Server that is started again each time it ends.
struct Node {
    number: u16,
    port: u16,
    command: Command,
    process: Option<Background>,
    /// Time at which to start it again.
    restart_time: Instant,
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
            restart_time: Instant::now(),
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

    /// Starts the server again if it ended at least [`RESTART_DELAY`] ago.
    fn restart_if_ended(&mut self) -> Result<()> {
        match &mut self.process {
            Some(process) => {
                if let Some(status) = process.ended()? {
                    eprintln!("  node {}: {status}", self.number);
                    self.process = None;
                    self.restart_time = Instant::now() + RESTART_DELAY;
                }
            }
            None if Instant::now() >= self.restart_time => {
                self.process = Some(Background::start(&mut self.command, self.port)?);
                self.print();
            }
            None => {}
        }
        Ok(())
    }
}
