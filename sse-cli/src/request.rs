//! Options of a request, and of the connection to the server.

use core::time::Duration;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{CONTENT_TYPE, USER_AGENT},
};
use serde::de::IgnoredAny;
use sse_source::{Builder, EventId, EventSource, Proxy, Transport};

use crate::{input, parse};

/// Options of the request: method, headers, body and last event ID.
#[derive(Args)]
pub(crate) struct RequestOptions {
    /// URL of the stream; the default scheme is http.
    #[arg(value_parser = parse::url)]
    url: Uri,
    /// Method of the request; by default GET, or POST with --data.
    #[arg(short = 'X', long)]
    method: Option<Method>,
    /// Header of each request, which replaces a default header of that name; "Name:" only removes it. @FILE reads
    /// such lines from a file, and @- from stdin.
    ///
    /// Other users of this machine can see command lines, so put a token into a file instead.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = Headers::parse)]
    headers: Vec<Headers>,
    /// Body of each request; @FILE reads it from a file, and @- from stdin, without changes. Only one option can
    /// read stdin.
    ///
    /// The Content-Type is application/json if the body is valid JSON, otherwise
    /// application/x-www-form-urlencoded. --header can set another one.
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,
    /// Start after the event with this ID.
    #[arg(long, value_name = "ID")]
    last_event_id: Option<EventId>,
}

/// Headers on the command line.
#[derive(Clone)]
enum Headers {
    One(Header),
    /// Name of a file with one header per line; `-` is stdin.
    File(String),
}

type Header = (HeaderName, HeaderValue);

impl Headers {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@') {
            Some(file) => Ok(Self::File(file.to_owned())),
            None => header(text.as_bytes()).map(Self::One),
        }
    }

    fn read(&self) -> Result<Vec<Header>> {
        let file = match self {
            Self::One(header) => return Ok(vec![header.clone()]),
            Self::File(file) => file,
        };
        let text = read(file)?;
        let name = if file == "-" { "stdin" } else { file };
        let lines = (1_usize..).zip(text.split(|&byte| byte == b'\n'));
        let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
        let headers = lines.map(|(number, line)| {
            // The error does not quote the line, which may have a secret.
            header(line).map_err(|error| anyhow!("{name}: line {number}: {error}"))
        });
        headers.collect()
    }
}

impl RequestOptions {
    /// Returns whether the request may be repeated. A repeated POST, for example, could place a second order.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.method() == Method::GET
    }

    pub(crate) fn url(&self) -> &Uri {
        &self.url
    }

    fn method(&self) -> Method {
        let otherwise = match self.data {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        self.method.clone().unwrap_or(otherwise)
    }

    pub(crate) fn builder(&self) -> Result<Builder> {
        let files = self.headers.iter().filter_map(|headers| match headers {
            Headers::File(file) => Some(&**file),
            Headers::One(_) => None,
        });
        let files = files.chain(self.data.as_deref().and_then(|data| data.strip_prefix('@')));
        if files.filter(|&file| file == "-").count() > 1 {
            bail!("two options read stdin, which can be read only once");
        }
        // The option --reconnect decides whether the request is repeated.
        let mut builder = EventSource::request(self.method(), self.url.clone())
            .resend(true)
            .header(USER_AGENT, concat!("sse/", env!("CARGO_PKG_VERSION")));
        if let Some(data) = &self.data {
            let body = match data.strip_prefix('@') {
                None => data.as_bytes().to_vec(),
                Some(file) => read(file)?,
            };
            builder = builder.header(CONTENT_TYPE, content_type(&body)).body(body);
        }
        let mut last_event_id = self.last_event_id.clone();
        let mut headers = HeaderMap::new();
        for option in &self.headers {
            for (name, value) in option.read()? {
                if name == "last-event-id" {
                    // This is for the first request only, because each event may change the ID.
                    let id = str::from_utf8(value.as_bytes());
                    let id = id.context("Last-Event-ID is not UTF-8")?.to_owned();
                    last_event_id = last_event_id.or(Some(EventId::new(id)?));
                } else {
                    headers.append(name, value);
                }
            }
        }
        if let Some(id) = last_event_id {
            builder = builder.last_event_id(id);
        }
        Ok(builder.map_request(move |mut request| {
            for name in headers.keys() {
                request.headers_mut().remove(name);
            }
            for (name, value) in &headers {
                if !value.is_empty() {
                    request.headers_mut().append(name, value.clone());
                }
            }
            async { Ok(request) }
        }))
    }
}

/// Reads a whole file; `-` is stdin.
fn read(file: &str) -> Result<Vec<u8>> {
    match file {
        "-" => input::stdin(),
        path => input::file(Path::new(path)),
    }
}

fn content_type(body: &[u8]) -> &'static str {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => "application/json",
        Err(_) => "application/x-www-form-urlencoded",
    }
}

fn header(line: &[u8]) -> Result<Header, String> {
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = line.split_at(colon.ok_or("there is no colon after the name")?);
    let name = HeaderName::try_from(name.trim_ascii()).map_err(|error| error.to_string())?;
    let value =
        HeaderValue::try_from(value[1..].trim_ascii()).map_err(|error| error.to_string())?;
    Ok((name, value))
}

/// Options of the connection: timeout, proxy and certificates.
#[derive(Args)]
pub(crate) struct ConnectionOptions {
    /// Maximum time to connect, including TLS.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse::seconds)]
    connect_timeout: Duration,
    /// Proxy for all requests: http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host if the proxy
    /// needs it. By default, `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` names the proxy, and `NO_PROXY` the exceptions.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// PEM file with the certificates to trust, instead of those of this machine.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// PEM file with the client certificate, and its chain up to a certificate that the server trusts.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// PEM file with the private key of --cert; by default, the file of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl ConnectionOptions {
    pub(crate) fn transport(&self) -> Result<Transport> {
        let proxy = match &self.proxy {
            Some(proxy) => Proxy::all(proxy).context("--proxy")?,
            None => Proxy::from_env()?,
        };
        let mut builder = Transport::builder()
            .connect_timeout(Some(self.connect_timeout))
            .proxy(proxy);
        if let Some(file) = &self.cacert {
            builder = builder
                .root_certificates(&input::file(file)?)
                .with_context(|| format!("--cacert {}", file.display()))?;
        }
        if let Some(file) = &self.cert {
            let key = self.key.as_ref().unwrap_or(file);
            builder = builder
                .client_certificate(&input::file(file)?, &input::file(key)?)
                .with_context(|| format!("--cert {}, --key {}", file.display(), key.display()))?;
        }
        Ok(builder.build())
    }
}
