//! nginx, HAProxy, Varnish, Apache, Squid, h2o and Traffic Server, each with its own configuration, independent of
//! that of the system.
//!
//! Each runs in the foreground. If it has several processes, these end when the first one is killed.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
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
    start_nginx(&format!("127.0.0.1:{upstream}"), "", lines)
}

/// Starts nginx for two servers with these ports, with these lines in its `server` section. The second server gets the
/// requests while the first one is down.
pub fn nginx_with_failover(first: u16, second: u16, lines: &str) -> Result<Proxy> {
    let nodes =
        format!("upstream nodes {{ server 127.0.0.1:{first}; server 127.0.0.1:{second} backup; }}");
    start_nginx("nodes", &nodes, lines)
}

/// Starts nginx with these lines in its `http` and its `server` section.
fn start_nginx(upstream: &str, http_lines: &str, lines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("nginx")?;
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
        .concat();
    let configuration = format!(
        "daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
access_log off;
{http_lines}
{paths}server {{
listen 127.0.0.1:{port};
{lines}
location / {{ proxy_pass http://{upstream}; }}
}}
}}
",
        folder = folder.display(),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(folder.join("error.log"));
    start(command.arg("-c").arg(&file), "nginx", port, &folder)
}

/// Starts HAProxy for the server with this port, with these lines in its `listen` section.
pub fn haproxy(upstream: u16, lines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("haproxy")?;
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
    let file = folder.join("haproxy.cfg");
    fs::write(&file, configuration)?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&file);
    start(&mut command, "haproxy", port, &folder)
}

/// Starts Varnish for the server with this port, with these parameters and these subroutines.
pub fn varnish(upstream: u16, parameters: &[&str], subroutines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("varnish")?;
    let configuration = format!(
        "vcl 4.1;
backend upstream {{ .host = \"127.0.0.1\"; .port = \"{upstream}\"; }}
{subroutines}
"
    );
    let file = folder.join("proxy.vcl");
    fs::write(&file, configuration)?;
    let mut command = Command::new("varnishd");
    // `-j none`: the processes keep their user, which owns the folder.
    command.args(["-F", "-j", "none", "-a", &format!("127.0.0.1:{port}")]);
    command.args(["-s", "malloc,16m"]);
    for parameter in ["vsl_space=1M"].iter().chain(parameters) {
        command.args(["-p", parameter]);
    }
    command.arg("-n").arg(folder.join("work"));
    start(command.arg("-f").arg(&file), "varnish", port, &folder)
}

/// Starts Apache for the server with this port, with these modules and these lines.
pub fn apache(upstream: u16, modules: &[&str], lines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("apache")?;
    let modules: String = ["mpm_event", "authz_core", "proxy", "proxy_http"]
        .iter()
        .chain(modules)
        .map(|name| format!("LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"))
        .collect();
    // Apache ignores the user and the group unless root starts it.
    let configuration = format!(
        "{modules}ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
ServerName 127.0.0.1
User #65534
Group #65534
Listen 127.0.0.1:{port}
{lines}
ProxyPass / http://127.0.0.1:{upstream}/
",
        folder = folder.display(),
    );
    let file = folder.join("apache2.conf");
    fs::write(&file, configuration)?;
    let mut command = Command::new("apache2");
    // `-X`: one process with threads, because other processes survive when the first one is killed.
    command.arg("-X").arg("-f").arg(&file);
    start(&mut command, "apache2", port, &folder)
}

/// Folder of Debian's package.
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// Starts Squid as a reverse proxy for the server with this port, with these lines.
pub fn squid(upstream: u16, lines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("squid")?;
    let configuration = format!(
        "http_port 127.0.0.1:{port} accel defaultsite=127.0.0.1 no-vhost
cache_peer 127.0.0.1 parent {upstream} 0 no-query originserver
http_access allow all
visible_hostname proxy
pid_filename none
netdb_filename none
pinger_enable off
access_log none
cache_log stdio:/dev/stderr
{lines}
"
    );
    let file = folder.join("squid.conf");
    fs::write(&file, configuration)?;
    let service = format!("proxy{port}");
    let mut command = Command::new("squid");
    command.args(["-N", "-n", &service, "-f"]).arg(&file);
    let proxy = start(&mut command, "squid", port, &folder)?;
    // Squid has mapped these files, and removes them only when it ends by itself. No other process opens them.
    for name in ["metadata", "queues", "readers"] {
        // Another version of Squid may have other files.
        let _ = fs::remove_file(format!("/dev/shm/{service}-cf__{name}.shm"));
    }
    Ok(proxy)
}

/// Starts h2o for the server with this port, with these lines at the top level.
pub fn h2o(upstream: u16, lines: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("h2o")?;
    let configuration = format!(
        "listen:
  host: 127.0.0.1
  port: {port}
{lines}
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://127.0.0.1:{upstream}/
"
    );
    let file = folder.join("h2o.conf");
    fs::write(&file, configuration)?;
    let mut command = Command::new("h2o");
    command.arg("-c").arg(&file);
    start(&mut command, "h2o", port, &folder)
}

/// Starts Traffic Server for the server with this port, with these values of `records.config`, and with these lines
/// in `plugin.config`.
pub fn traffic_server(upstream: u16, records: &[(&str, &str)], plugins: &str) -> Result<Proxy> {
    let port = port::free()?;
    let folder = folder::scratch("trafficserver")?;
    let layout = format!(
        "sysconfdir: {folder}
libexecdir: {TRAFFIC_SERVER_MODULES}
localstatedir: {folder}
runtimedir: {folder}
logdir: {folder}
cachedir: {folder}
",
        folder = folder.display(),
    );
    let addresses = "ip_allow: [{apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}]\n";
    for (name, text) in [
        ("runroot.yaml", layout.as_str()),
        ("ip_allow.yaml", addresses),
        (
            "remap.config",
            &format!("map / http://127.0.0.1:{upstream}/\n"),
        ),
        ("plugin.config", plugins),
        // It has no cache on disk.
        ("storage.config", ""),
    ] {
        fs::write(folder.join(name), text)?;
    }
    let mut root = OsString::from("--run-root=");
    root.push(folder.join("runroot.yaml"));
    let mut command = Command::new("traffic_server");
    command.arg(root);
    let own = [
        (
            "proxy.config.http.server_ports",
            &*format!("{port}:ip-in=127.0.0.1"),
        ),
        // It keeps its user.
        ("proxy.config.admin.user_id", "#-1"),
        // No second process, which would survive.
        ("proxy.config.crash_log_helper", "NULL"),
    ];
    // The environment overrides the file `records.config`, which newer versions replace by another one.
    for (name, value) in own.iter().chain(records) {
        command.env(name.to_uppercase().replace('.', "_"), value);
    }
    start(&mut command, "trafficserver", port, &folder)
}

/// Folder of Debian's package.
const TRAFFIC_SERVER_MODULES: &str = "/usr/lib/trafficserver/modules";

/// Starts a proxy from a package of Debian, with its output in the folder, and waits until it listens on the port.
fn start(command: &mut Command, package: &str, port: u16, folder: &Path) -> Result<Proxy> {
    let path = folder.join("output");
    let output = File::create(&path)?;
    command.stdout(output.try_clone()?).stderr(output);
    match Process::listening(command, port) {
        Ok(_process) => Ok(Proxy { port, _process }),
        Err(error) if is_missing(&error) => bail!(
            "{} is missing: install it (Debian and Ubuntu: apt-get install {package})",
            command.get_program().display()
        ),
        Err(error) => Err(error).with_context(|| format!("see {}", path.display())),
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}
