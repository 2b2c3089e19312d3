//! nginx with Debian's nchan: one worker, and a publisher that follows the commands.
//!
//! nginx has its own folder with temporary files while it runs. A burst is one request for each event, all written at
//! once on one connection.

use std::{
    env, fmt, fs,
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::pin,
    process::{self, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time,
};

use crate::{
    commands::{Commands, ServerCommand, print_listening, print_missed},
    process::Process,
};

/// Path of the module on Debian.
const NCHAN_MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Folder of nginx on Debian, which is not on the path of every user.
const NGINX_FOLDER: &str = "/usr/sbin";

/// Start of each successful answer to a publisher.
const PUBLISHED: &[u8] = b"HTTP/1.1 20";

pub(super) async fn serve(
    listener: TcpListener,
    core: Option<usize>,
    mut commands: Commands,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let port = listener.local_addr()?.port();
    // nginx binds the port again.
    drop(listener);
    let folder = Folder::create()?;
    let mut nginx = start(folder.path(), port, core)?;
    let mut publisher = Publisher::connect(port).await?;
    print_listening(port);
    let mut shutdown = pin!(shutdown);
    loop {
        let order = tokio::select! {
            order = commands.next() => order,
            () = &mut shutdown => None,
        };
        match order {
            Some(ServerCommand::Publish(texts)) => publisher.publish(&texts).await?,
            // nchan does not count missed events. The subscribers detect them.
            Some(ServerCommand::Missed) => print_missed(0),
            None => break,
        }
    }
    nginx.check_health()?;
    nginx.terminate()?;
    let status = nginx.ended_within(test_timeout())?;
    status.context("nginx does not end")?;
    Ok(())
}

fn start(folder: &Path, port: u16, core: Option<usize>) -> Result<Process> {
    let file = folder.join("nginx.conf");
    let configuration = Configuration { folder, port, core };
    fs::write(&file, configuration.to_string())?;
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(format!(":{NGINX_FOLDER}"));
    let mut nginx = Command::new("nginx");
    nginx
        .args(["-e", "stderr", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(file)
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Process::start(&mut nginx).context("is nginx-core installed?")
}

/// Configuration file of nginx.
struct Configuration<'a> {
    folder: &'a Path,
    port: u16,
    core: Option<usize>,
}

impl fmt::Display for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, port, core } = self;
        let folder = folder.display();
        if let Some(core) = *core {
            // One bit for each core, where the first core is the last bit.
            writeln!(f, "worker_cpu_affinity 1{:0<core$};", "")?;
        }
        // nginx allocates memory for all connections at the start, so the limit is only a little higher than needed.
        // The channel keeps messages, because otherwise a slow subscriber would lose the later messages of a burst.
        write!(
            f,
            "load_module {NCHAN_MODULE};
            daemon off;
            worker_processes 1;
            pid {folder}/pid;
            error_log stderr error;
            events {{
                worker_connections 12000;
            }}
            http {{
                access_log off;
                client_body_temp_path {folder}/body;
                proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi;
                scgi_temp_path {folder}/scgi;
                uwsgi_temp_path {folder}/uwsgi;
                tcp_nodelay on;
                keepalive_requests 1000000000;
                keepalive_timeout 1d;
                server {{
                    listen 127.0.0.1:{port} backlog=4096;
                    location = /publish {{
                        nchan_publisher http;
                        nchan_channel_id feed;
                        nchan_message_buffer_length 64;
                        nchan_message_timeout 10s;
                    }}
                    location = /events {{
                        nchan_subscriber eventsource;
                        nchan_channel_id feed;
                        nchan_subscriber_first_message newest;
                        nchan_eventsource_ping_interval 15;
                        nchan_eventsource_ping_comment keep-alive;
                    }}
                }}
            }}\n"
        )
    }
}

/// Connection of the publisher.
struct Publisher {
    stream: TcpStream,
    answers: Vec<u8>,
}

impl Publisher {
    /// Connects, and waits until a worker answers.
    async fn connect(port: u16) -> Result<Self> {
        let start = Instant::now();
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(stream) => break stream,
                Err(_) if start.elapsed() < test_timeout() => {
                    time::sleep(Duration::from_millis(10)).await
                }
                Err(error) => return Err(error).context("nginx does not listen"),
            }
        };
        stream.set_nodelay(true)?;
        let mut publisher = Self {
            stream,
            answers: Vec::new(),
        };
        // A channel without subscribers also accepts a message, and later subscribers do not get it.
        time::timeout(test_timeout(), publisher.publish(&["first".to_owned()]))
            .await
            .context("nginx does not answer")??;
        Ok(publisher)
    }

    /// Publishes these texts, and waits until nginx has accepted all.
    async fn publish(&mut self, texts: &[String]) -> Result<()> {
        let mut requests = String::new();
        for text in texts {
            requests += &format!(
                "POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
        }
        self.stream.write_all(requests.as_bytes()).await?;
        self.answers.clear();
        let mut answered = 0;
        while answered < texts.len() {
            let length = self.stream.read_buf(&mut self.answers).await?;
            ensure!(length > 0, "nginx ends the publisher's connection");
            answered = memchr::memmem::find_iter(&self.answers, PUBLISHED).count();
        }
        Ok(())
    }
}

/// Temporary folder, which is removed when this value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self> {
        let path = env::temp_dir().join(format!("load-nchan-{}", process::id()));
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // An error does no harm, because the folder has only temporary files.
        let _: io::Result<()> = fs::remove_dir_all(&self.0);
    }
}
