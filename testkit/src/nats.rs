//! A NATS server of one's own, which can be killed and comes back. It takes `nats-server`, from Debian's
//! package of that name.

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

/// A server with JetStream, on a port and in a folder of its own, over all its lives.
#[derive(Debug)]
pub struct Nats {
    port: u16,
    folder: PathBuf,
    server: Option<Child>,
    /// Configuration beside that which every server has.
    config: String,
}

impl Nats {
    /// One that runs, with nothing in it.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start() -> io::Result<Self> {
        let mut nats = Self::down()?;
        nats.up()?;
        Ok(nats)
    }

    /// One that is not started yet.
    ///
    /// # Errors
    ///
    /// If there is no port or no folder for it.
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

    /// Starts a server with a configuration file of this text: users, accounts, TLS.
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

    /// Three that run and know of each other.
    ///
    /// # Errors
    ///
    /// If they cannot be started.
    pub fn cluster() -> io::Result<[Self; 3]> {
        let mut cluster = [Self::down()?, Self::down()?, Self::down()?];
        let mut routes = Vec::new();
        for _ in &cluster {
            routes.push(format!("127.0.0.1:{}", port::free()?));
        }
        let all: Vec<_> = routes.iter().map(|it| format!("nats://{it}")).collect();
        for (nats, route) in cluster.iter_mut().zip(&routes) {
            nats.config = format!("cluster {{ name: three, listen: {route:?}, routes: {all:?} }}");
        }
        for nats in &mut cluster {
            nats.up()?;
        }
        Ok(cluster)
    }

    /// Its name, which no other server has.
    pub fn name(&self) -> String {
        format!("nats-{}-{}", self.port, process::id())
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it where it was, with what it has, and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends at once, or does not listen in time.
    pub fn up(&mut self) -> io::Result<()> {
        let mut command = command(self.port, &self.folder, &self.full_config())?;
        let server = command.spawn().map_err(|error| {
            let hint = "Debian and Ubuntu: apt-get install nats-server";
            io::Error::new(error.kind(), format!("{command:?}: {error} ({hint})"))
        })?;
        let (name, server) = (self.name(), self.server.insert(server));
        let (start, limit) = (Instant::now(), test_timeout());
        while !listens(self.port, &name) {
            let ended = server.try_wait()?.map(|it| format!("has ended: {it}"));
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

    /// Gives the server that runs another configuration.
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

    /// Kills it, as hard as it gets: what it has not written is gone.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Sends it a signal, such as `STOP`.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn signal(&self, name: &str) {
        let id = self.server.as_ref().map_or(0, Child::id).to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.is_ok_and(|it| it.success()), "kill -{name} {id}");
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Returns whether the server of this name listens on the port: what it says first has its name.
fn listens(port: u16, name: &str) -> bool {
    let info = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).and_then(|connection| {
        connection.set_read_timeout(Some(test_timeout()))?;
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line)?;
        Ok(line)
    });
    info.is_ok_and(|info| info.contains(&format!("\"{name}\"")))
}

/// Storage that streams may reserve. Without it, the server allows three quarters of the free disk, and on a small
/// one no second stream of the default size of 1 GiB is made, though the tests write a few megabytes.
pub const MAX_FILE_STORE: &str = "64GB";

/// Returns the command that starts a server with JetStream on 127.0.0.1, with all its files in a folder, and writes
/// its configuration file there: users, accounts or TLS, if any.
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
    // Of what is an option on the command line instead, no configuration can be loaded again.
    let jetstream =
        format!("jetstream {{ store_dir: {folder:?}, max_file_store: {MAX_FILE_STORE} }}");
    fs::write(&file, format!("{jetstream}\n{config}\n"))?;
    Ok(file)
}

/// `NATS_SERVER`, or that of Debian, which is not on everyone's path.
fn program() -> OsString {
    let debian = "/usr/sbin/nats-server";
    let name = if Path::new(debian).exists() {
        debian
    } else {
        "nats-server"
    };
    env::var_os("NATS_SERVER").unwrap_or_else(|| name.into())
}
