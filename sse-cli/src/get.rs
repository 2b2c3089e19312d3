//! `sse get`.

use core::{num::NonZeroUsize, pin::pin, time::Duration};

use anyhow::{Result, anyhow, bail};
use clap::{Args, value_parser};
use futures_util::StreamExt;
use http::{StatusCode, Uri, header::ACCEPT_ENCODING};
use sse_source::{
    ClientConfig, DisconnectReason, Disconnected, Error, EventSource, Item, ResponseHead,
};

use crate::{
    json::Line,
    parse, raw,
    request::{ConnectionOptions, RequestOptions},
    stderr, stdout,
    text_format::TextFormat,
};

/// Print the events of a server as they arrive.
///
/// Each event is printed as a line with its data. If the type or the ID is not the default, it comes
/// first in brackets, as in `[update #7] data`. Data with several lines is indented below them.
/// On a terminal, control characters are printed as `\u{1b}`, so that a server cannot control it. In
/// pipes and with --raw, they are printed unchanged.
///
/// When the stream ends or breaks, the command reconnects and continues after the last event, as
/// browsers do. It prints the reason, the delay and each redirect on stderr. Only GET requests are
/// repeated, unless --reconnect is given.
///
/// The exit code is 0 after --count events, and after status 204, by which a server asks clients to stop.
/// Without reconnecting, it is 0 at the end of the stream, and 1 if the stream broke or ended inside an
/// event. It is also 1 if the server refused the request.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    request: RequestOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
    /// Print one JSON object per line: {"type","data","lastEventId"}.
    #[arg(long)]
    json: bool,
    /// Print the bytes of one stream as they arrive, without decoding them.
    #[arg(long, conflicts_with_all = ["json", "types", "comments", "count", "reconnect"])]
    raw: bool,
    /// Print only events of this type; may be repeated.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Print comments too.
    #[arg(long)]
    comments: bool,
    /// Exit after N events are printed.
    #[arg(short = 'n', long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Exit when the stream ends or breaks.
    #[arg(long, conflicts_with = "reconnect")]
    no_reconnect: bool,
    /// Reconnect also if the method is not GET; the request is sent again each time.
    #[arg(long)]
    reconnect: bool,
    /// Close the connection if nothing arrives for this time, not even a comment; by default, no limit.
    #[arg(long, value_name = "SECONDS", value_parser = parse::seconds)]
    idle_timeout: Option<Duration>,
    /// Maximum time until the head of the response arrives; many servers send it with the first event. By default
    /// 5 minutes, or without reconnecting the time of --idle-timeout, if that is given.
    #[arg(long, value_name = "SECONDS", value_parser = parse::seconds)]
    head_timeout: Option<Duration>,
    /// Maximum size of an event, in bytes. A larger event is skipped and reported on stderr.
    #[arg(long, value_name = "BYTES", default_value = "16777216")]
    limit: NonZeroUsize,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut source = arguments.source()?;
    let mut printer = Printer::new(arguments);
    let mut closed = pin!(stdout::closed());
    loop {
        let item = tokio::select! {
            item = source.next() => item,
            () = &mut closed => return Err(stdout::Closed.into()),
        };
        let is_over = match item {
            None => true,
            Some(Ok(item)) => printer.print(item)?,
            Some(Err(error)) => return result_of(&error),
        };
        if is_over {
            return Ok(());
        }
    }
}

impl Arguments {
    fn source(&self) -> Result<EventSource> {
        let mut config = ClientConfig::default()
            .idle_timeout(self.idle_timeout)
            .max_event_bytes(self.limit.get());
        if !self.reconnects() {
            config = config.head_timeout(self.idle_timeout).one_shot();
        }
        if self.head_timeout.is_some() {
            config = config.head_timeout(self.head_timeout);
        }
        let mut builder = self.request.builder()?.config(config);
        let mut transport = self.connection.transport()?;
        if self.raw {
            // Without compression, the output is the bytes that the server wrote.
            builder = builder.header(ACCEPT_ENCODING, "identity");
            transport = raw::transport(transport);
        }
        Ok(builder.transport(transport).build()?)
    }

    fn reconnects(&self) -> bool {
        !self.raw && !self.no_reconnect && (self.reconnect || self.request.is_repeatable())
    }
}

/// Prints the items of the stream.
struct Printer {
    arguments: Arguments,
    format: TextFormat,
    /// URL of the last response, to report redirects.
    uri: Uri,
    /// Number of events to print before the command exits.
    remaining: Option<u64>,
    /// The stream was disconnected at least once.
    was_disconnected: bool,
}

impl Printer {
    fn new(arguments: Arguments) -> Self {
        let is_terminal = stdout::is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            format: TextFormat {
                colours: is_terminal && !no_color,
                escapes: is_terminal,
            },
            uri: arguments.request.url().clone(),
            remaining: arguments.count,
            arguments,
            was_disconnected: false,
        }
    }

    /// Prints an item. Returns whether the command is done.
    fn print(&mut self, item: Item) -> Result<bool> {
        let Arguments {
            json,
            raw,
            types,
            comments,
            ..
        } = &self.arguments;
        let mut out = Vec::new();
        let mut text = String::new();
        match item {
            Item::Open(head) => self.report_open(&head),
            Item::Disconnected(disconnected) => return self.report_disconnected(disconnected),
            Item::TooLarge(error) => stderr::line(format_args!("{error}; event skipped")),
            Item::LastEventIdDropped { length, .. } => stderr::line(format_args!(
                "the server refuses the last event ID of {length} bytes; retrying without it"
            )),
            _ if *raw => {}
            Item::Event(event) if types.is_empty() || types.contains(&event.event_type) => {
                match json {
                    true => Line::from(&event).write(&mut out)?,
                    false => self.format.push_event(&event, &mut text),
                }
                self.remaining = self.remaining.map(|count| count - 1);
            }
            Item::Comment(comment) if *comments => match json {
                true => Line::Comment { comment: &comment }.write(&mut out)?,
                false => self.format.push_comment(&comment, &mut text),
            },
            _ => {}
        }
        out.extend_from_slice(text.as_bytes());
        stdout::write(&out)?;
        Ok(self.remaining == Some(0))
    }

    fn report_open(&mut self, head: &ResponseHead) {
        if self.was_disconnected {
            stderr::line("reconnected");
        }
        if head.uri != self.uri {
            self.uri = head.uri.clone();
            let uri = stderr::escaped(&head.uri.to_string());
            stderr::line(format_args!("redirected to {uri}"));
        }
    }

    fn report_disconnected(&mut self, disconnected: Disconnected) -> Result<bool> {
        let reason = stderr::escaped(&disconnected.cause().to_string());
        if self.arguments.reconnects() {
            let delay = disconnected.delay.as_secs_f32();
            stderr::line(format_args!("{reason}; reconnecting in {delay:.1} s"));
            self.was_disconnected = true;
            return Ok(false);
        }
        match disconnected {
            Disconnected {
                reason: DisconnectReason::EndOfStream,
                ..
            } => Ok(true),
            // All bytes are printed, so an incomplete event is not an error.
            Disconnected {
                reason: DisconnectReason::Truncated,
                ..
            } if self.arguments.raw => Ok(true),
            Disconnected {
                error: Some(error), ..
            } if error.is::<stdout::Closed>() => Err(stdout::Closed.into()),
            _ => bail!(reason),
        }
    }
}

/// Returns the result of the command for the error that ended the stream for good.
fn result_of(error: &Error) -> Result<()> {
    match error {
        Error::UnexpectedResponse(response) if response.status == StatusCode::NO_CONTENT => {
            stderr::line("the server asks to stop: status 204");
            Ok(())
        }
        Error::UnexpectedResponse(response) => Err(anyhow!(stderr::unexpected_response(response))),
        error => Err(anyhow!(stderr::escaped(&error.report().to_string()))),
    }
}
