//! NATS server for a test, which can be killed and started again.
//!
//! It needs the program `nats-server`, from Debian's package with that name.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{port, timeout::test_timeout};

/// NATS server with JetStream. It has its own port and folder, and keeps them when it is started again.
#[derive(Debug)]
pub struct Nats {
    port: u16,
    folder: PathBuf,
    server: Option<Child>,
    /// Configuration in addition to that of every server.
    config: String,
}

impl Nats {
    /// Starts an empty server.
    ///
    /// # Errors
    ///
    /// If the server cannot be started.
    pub fn start() -> io::Result<Self> {
        let mut nats = Self::down()?;
        nats.up()?;
        Ok(nats)
    }

    /// Creates a server that is not started yet.
    ///
    /// # Errors
    ///
    /// If there is no free port, or if its folder cannot be created.
    pub fn down() -> io::Result<Self> {
        let port = port::free()?;
        let folder = env::temp_dir().join(format!("nats-{port}-{}", process::id()));
        fs::create_dir(&folder)?;
        Ok(Self {
            port,
            folder,
            server: None,
            config: String::new(),
        })
    }

    /// Starts a server with this text in its configuration file, for example users, accounts or TLS.
    ///
    /// # Errors
    ///
    /// If the file cannot be written or the server cannot be started.
    pub fn configured(text: &str) -> io::Result<Self> {
        let mut nats = Self::down()?;
        nats.config = text.to_owned();
        nats.up()?;
        Ok(nats)
    }

    /// Starts a cluster of three servers.
    ///
    /// # Errors
    ///
    /// If a server cannot be started.
    pub fn cluster() -> io::Result<[Self; 3]> {
        let mut cluster = [Self::down()?, Self::down()?, Self::down()?];
        let mut routes = Vec::new();
        for _ in &cluster {
            routes.push(format!("127.0.0.1:{}", port::free()?));
        }
        let all: Vec<_> = routes
            .iter()
            .map(|address| format!("nats://{address}"))
            .collect();
        for (nats, route) in cluster.iter_mut().zip(&routes) {
            nats.config = format!("cluster {{ name: three, listen: {route:?}, routes: {all:?} }}");
        }
        for nats in &mut cluster {
            nats.up()?;
        }
        Ok(cluster)
    }

    /// Returns the unique name of the server.
    pub fn name(&self) -> String {
        format!("nats-{}-{}", self.port, process::id())
    }

    /// Returns the port of 127.0.0.1 on which the server listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts the server with its port and its data, and waits until it listens.
    ///
    /// # Errors
    ///
    /// If the server cannot be started, ends at once, or does not listen in time.
    pub fn up(&mut self) -> io::Result<()> {
        let mut command = command(self.port, &self.folder, &self.full_config())?;
        let server = command.spawn().map_err(|error| {
            let hint = "Debian and Ubuntu: apt-get install nats-server";
            io::Error::new(error.kind(), format!("{command:?}: {error} ({hint})"))
        })?;
        let (name, server) = (self.name(), self.server.insert(server));
        let (start, limit) = (Instant::now(), test_timeout());
        while !listens(self.port, &name) {
            let ended = server
                .try_wait()?
                .map(|status| format!("has ended: {status}"));
            let late = (start.elapsed() > limit).then(|| "does not listen".to_owned());
            if let Some(what) = ended.or(late) {
                return Err(io::Error::other(format!("{command:?} {what}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn full_config(&self) -> String {
        format!("server_name: {}\n{}", self.name(), self.config)
    }

    /// Gives the running server another configuration.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn reload(&mut self, text: &str) -> io::Result<()> {
        self.config = text.to_owned();
        write_config(&self.folder, &self.full_config())?;
        self.signal("HUP");
        Ok(())
    }

    /// Kills the server with SIGKILL. Data that it has not written is lost.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Sends a signal to the server, for example `STOP`.
    ///
    /// # Panics
    ///
    /// If the server does not run.
    pub fn signal(&self, name: &str) {
        let id = self.server.as_ref().map_or(0, Child::id).to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill -{name} {id}"
        );
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Returns whether the server with this name listens on the port. Its first line has its name.
fn listens(port: u16, name: &str) -> bool {
    let info = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).and_then(|connection| {
        connection.set_read_timeout(Some(test_timeout()))?;
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line)?;
        Ok(line)
    });
    info.is_ok_and(|info| info.contains(&format!("\"{name}\"")))
}

/// Storage that streams may reserve.
///
/// By default, the server allows three quarters of the free disk. On a small disk, that is not enough for a second
/// stream of the default size of 1 GiB. The tests write only a few megabytes.
pub const MAX_FILE_STORE: &str = "64GB";

/// Returns the command that starts a server with JetStream on 127.0.0.1, and writes its configuration file.
///
/// All its files are in the folder. `config` is added to the configuration file, for example users, accounts or TLS.
///
/// # Errors
///
/// If the file cannot be written.
pub fn command(port: u16, folder: &Path, config: &str) -> io::Result<Command> {
    let file = write_config(folder, config)?;
    let mut command = Command::new(program());
    command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string()]);
    command.arg("-c").arg(file);
    command.arg("-l").arg(folder.join("log"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

fn write_config(folder: &Path, config: &str) -> io::Result<PathBuf> {
    let file = folder.join("server.conf");
    // In the file, because the server refuses to reload a configuration for options of the command line.
    let jetstream =
        format!("jetstream {{ store_dir: {folder:?}, max_file_store: {MAX_FILE_STORE} }}");
    fs::write(&file, format!("{jetstream}\n{config}\n"))?;
    Ok(file)
}

/// Returns the program in `NATS_SERVER`, or that of Debian, whose folder is not on the `PATH` of each user.
fn program() -> OsString {
    let debian = "/usr/sbin/nats-server";
    let name = if Path::new(debian).exists() {
        debian
    } else {
        "nats-server"
    };
    env::var_os("NATS_SERVER").unwrap_or_else(|| name.into())
}
