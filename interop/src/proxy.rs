//! nginx and HAProxy with their own configuration, independent of that of the system.

use std::{fs, process::Command};

use anyhow::Result;
use testkit::port;

use crate::{folder, process::Process};

/// Proxy of one server.
#[derive(Debug)]
pub struct Proxy {
    /// Port of the proxy.
    pub port: u16,
    _process: Process,
}

/// Starts nginx for the server with this port, with these lines in its `server` section.
pub fn nginx(upstream: u16, lines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("nginx")?;
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
        .concat();
    let pid = folder.join("pid");
    let log = folder.join("error.log");
    let configuration = format!(
        "daemon off;
master_process off;
pid {pid};
error_log {log} info;
events {{ worker_connections 256; }}
http {{
access_log off;
{paths}server {{
listen 127.0.0.1:{port};
{lines}
location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
}}
}}
",
        pid = pid.display(),
        log = log.display(),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(&log).arg("-c").arg(&file);
    let _process = Process::listening(&mut command, port)?;
    Ok(Proxy { port, _process })
}

/// Starts HAProxy for the server with this port, with these lines in its `listen` section.
pub fn haproxy(upstream: u16, lines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let configuration = format!(
        "defaults
mode http
timeout connect 180s
timeout client 180s
timeout server 180s
listen proxy
bind 127.0.0.1:{port}
{lines}
server upstream 127.0.0.1:{upstream}
"
    );
    let folder = folder::scratch("haproxy")?;
    let file = folder.join("haproxy.cfg");
    fs::write(&file, configuration)?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&file);
    command.stderr(fs::File::create(folder.join("log"))?);
    let _process = Process::listening(&mut command, port)?;
    Ok(Proxy { port, _process })
}
