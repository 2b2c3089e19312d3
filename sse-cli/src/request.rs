//! What is asked for.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{CONTENT_TYPE, USER_AGENT},
};
use serde::de::IgnoredAny;
use sse_source::{Builder, EventId, EventSource};

use crate::{input, url};

#[derive(Args)]
pub(crate) struct Request {
    /// Where the events are; without a scheme, by http.
    #[arg(value_parser = url::parse)]
    url: Uri,
    /// GET if it is not given, or POST with --data.
    #[arg(short = 'X', long)]
    method: Option<Method>,
    /// A header of each request, in place of what would be sent otherwise; "Name:" sends none. @FILE takes
    /// such lines from a file and @- from stdin.
    ///
    /// Others on this machine can see command lines, so a token is better in a file.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = Headers::parse)]
    headers: Vec<Headers>,
    /// The body of each request; @FILE takes it from a file and @- from stdin, as it is. Only one option
    /// can take stdin.
    ///
    /// Its Content-Type is application/json if it is that, otherwise
    /// application/x-www-form-urlencoded, if no header says something else.
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,
    /// Goes on behind the event with this ID.
    #[arg(long, value_name = "ID")]
    last_event_id: Option<EventId>,
}

/// Headers on the command line.
#[derive(Clone)]
enum Headers {
    One(Header),
    /// Lines of a file; `-` is stdin.
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
            // Without the line itself, which may be a secret.
            header(line).map_err(|error| anyhow!("{name}: line {number}: {error}"))
        });
        headers.collect()
    }
}

impl Request {
    /// Whether it may be sent again and again: another POST may mean another order.
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
            bail!("stdin can be read once, and two options take it");
        }
        // Whether a request is repeated is an option of the command.
        let mut builder = EventSource::request(self.method(), self.url.clone())
            .with_repetition()
            .with_header(USER_AGENT, concat!("sse/", env!("CARGO_PKG_VERSION")));
        if let Some(data) = &self.data {
            let body = match data.strip_prefix('@') {
                None => data.as_bytes().to_vec(),
                Some(file) => read(file)?,
            };
            builder = builder
                .with_header(CONTENT_TYPE, content_type(&body))
                .with_body(body);
        }
        let mut last_event_id = self.last_event_id.clone();
        let mut headers = HeaderMap::new();
        for option in &self.headers {
            for (name, value) in option.read()? {
                if name == "last-event-id" {
                    // Of the first request only: the ID changes with the events.
                    let id = str::from_utf8(value.as_bytes());
                    let id = id.context("Last-Event-ID is not UTF-8")?.to_owned();
                    last_event_id = last_event_id.or(Some(EventId::new(id)?));
                } else {
                    headers.append(name, value);
                }
            }
        }
        if let Some(id) = last_event_id {
            builder = builder.with_last_event_id(id);
        }
        Ok(builder.with_preparation(move |mut request| {
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
