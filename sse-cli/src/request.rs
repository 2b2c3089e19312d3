//! What is asked for.

use std::{
    fs,
    io::{self, Read},
};

use anyhow::{Context, Result};
use clap::Args;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{CONTENT_TYPE, USER_AGENT},
};
use serde::de::IgnoredAny;
use sse_source::{Builder, EventId, EventSource};

#[derive(Args)]
pub(crate) struct Request {
    /// Where the events are; without a scheme, by http.
    #[arg(value_parser = url)]
    url: Uri,
    /// GET if it is not given, or POST with --data.
    #[arg(short = 'X', long)]
    method: Option<Method>,
    /// A header of each request, in place of what would be sent otherwise; "Name:" sends none.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body of each request; @FILE takes it from a file and @- from stdin, as it is.
    ///
    /// Its Content-Type is application/json if it is that, otherwise
    /// application/x-www-form-urlencoded, if no header says something else.
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,
    /// Goes on behind the event with this ID.
    #[arg(long, value_name = "ID")]
    last_event_id: Option<EventId>,
}

impl Request {
    /// Whether it may be sent again and again: another POST may mean another order.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.method() == Method::GET
    }

    fn method(&self) -> Method {
        let otherwise = match self.data {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        self.method.clone().unwrap_or(otherwise)
    }

    pub(crate) fn builder(&self) -> Result<Builder> {
        let mut builder = EventSource::request(self.method(), self.url.clone())
            .with_header(USER_AGENT, concat!("sse/", env!("CARGO_PKG_VERSION")));
        if let Some(data) = &self.data {
            let body = body(data)?;
            builder = builder
                .with_header(CONTENT_TYPE, content_type(&body))
                .with_body(body);
        }
        let mut last_event_id = self.last_event_id.clone();
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if name == "last-event-id" {
                // Of the first request only: the ID changes with the events.
                let id = str::from_utf8(value.as_bytes()).context("Last-Event-ID is not UTF-8")?;
                last_event_id = last_event_id.or(Some(EventId::new(id.to_owned())?));
            } else {
                headers.append(name, value.clone());
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

fn body(data: &str) -> Result<Vec<u8>> {
    match data.strip_prefix('@') {
        None => Ok(data.as_bytes().to_vec()),
        Some("-") => {
            let mut body = Vec::new();
            let result = io::stdin().lock().read_to_end(&mut body);
            result.context("cannot read the body from stdin")?;
            Ok(body)
        }
        Some(file) => fs::read(file).with_context(|| format!("cannot read {file}")),
    }
}

fn content_type(body: &[u8]) -> &'static str {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => "application/json",
        Err(_) => "application/x-www-form-urlencoded",
    }
}

fn url(text: &str) -> Result<Uri, String> {
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Uri::try_from(text).map_err(|error| error.to_string())?;
    match url.scheme_str() {
        Some("http" | "https") => Ok(url),
        _ => Err("neither http nor https".to_owned()),
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("there is no colon behind the name")?;
    let name = HeaderName::try_from(name.trim()).map_err(|error| error.to_string())?;
    let value = HeaderValue::try_from(value.trim()).map_err(|error| error.to_string())?;
    Ok((name, value))
}
