//! Groups of options of `sse hub`, and parsers of their values.

use core::time::Duration;
use std::ffi::OsStr;

use anyhow::{Result, bail, ensure};
use clap::{
    Arg, Args, Command, Error,
    builder::{BoolishValueParser, TypedValueParser},
    error::ErrorKind,
};
use sse_hub::Retention;
use sse_hyper::{Event, KeepAlive, StreamConfig};

use crate::{
    hub::{
        access::{Access, Token},
        host::HostPattern,
        listen::Endpoint,
    },
    parse, stderr,
};

/// Options for tokens and hosts.
#[derive(Args)]
pub(crate) struct AccessOptions {
    /// Token that publishers must send as `Authorization: Bearer TOKEN`; by default, a random one that is printed on
    /// stderr.
    ///
    /// Other users of this machine can see command lines, so set it in the environment instead.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_PUBLISH_TOKEN",
        hide_env_values = true,
        value_parser = Secret(Token::parse)
    )]
    publish_token: Option<Token>,
    /// Token that subscribers must send as `Authorization: Bearer TOKEN`; by default, none is needed.
    ///
    /// Other users of this machine can see command lines, so set it in the environment instead.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_SUBSCRIBE_TOKEN",
        hide_env_values = true,
        value_parser = Secret(Token::parse)
    )]
    subscribe_token: Option<Token>,
    /// Token that a request for /metrics must send as `Authorization: Bearer TOKEN`.
    ///
    /// The metrics count the events of all topics. Without this token, /metrics is open on a loopback address and for
    /// the host `localhost` of a Unix socket, without --subscribe-token and --allow-host; otherwise it answers 403. So
    /// set this token or --allow-host if a proxy on this machine passes requests on. Other users of this machine can
    /// see command lines, so set the token in the environment instead.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_METRICS_TOKEN",
        hide_env_values = true,
        value_parser = Secret(Token::parse)
    )]
    metrics_token: Option<Token>,
    /// Accept the subscribe token also in the query, as `access_token`, because the EventSource of browsers cannot
    /// send headers. Note that proxies write URLs into logs.
    #[arg(
        long,
        env = "SSE_HUB_TOKEN_IN_URL",
        value_parser = BoolishValueParser::new(),
        requires = "subscribe_token"
    )]
    token_in_url: bool,
    /// Host name that requests may have, or `*.example.com` for all names below a domain; may be repeated. A hub on a
    /// loopback address also serves the names of loopback addresses. By default, a hub on another address serves any
    /// name.
    #[arg(
        long = "allow-host",
        value_name = "NAME",
        env = "SSE_HUB_ALLOW_HOST",
        value_delimiter = ',',
        value_parser = HostPattern::parse_name
    )]
    hosts: Vec<HostPattern>,
}

impl AccessOptions {
    /// Returns whether there is a token for publishers or subscribers.
    pub(crate) fn has_tokens(&self) -> bool {
        self.publish_token.is_some() || self.subscribe_token.is_some()
    }

    pub(crate) fn has_subscribe_token(&self) -> bool {
        self.subscribe_token.is_some()
    }

    /// Checks the options together, for a server that listens at these endpoints.
    ///
    /// With the Mercure protocol, publishers have tokens of their own, so no publish token is needed.
    pub(crate) fn access(&self, endpoints: &[Endpoint], is_mercure: bool) -> Result<Access> {
        let exposed = endpoints.iter().find(|endpoint| !endpoint.is_local());
        let publish = match (&self.publish_token, exposed) {
            (Some(token), _) => token.clone(),
            (None, _) if is_mercure => Token::random()?,
            (None, Some(endpoint)) => bail!(
                "{endpoint} can be reached from other machines: --publish-token or \
                 SSE_HUB_PUBLISH_TOKEN is required"
            ),
            (None, None) => {
                let token = Token::random()?;
                stderr::line(format_args!(
                    "the publish token of this run: {}",
                    token.expose_secret()
                ));
                token
            }
        };
        let (subscribe, metrics) = (&self.subscribe_token, &self.metrics_token);
        let are_same = |one: &Token, other: &Option<Token>| {
            other
                .as_ref()
                .is_some_and(|other| one.matches(other.expose_secret()))
        };
        if are_same(&publish, subscribe) {
            bail!(
                "the publish token and the subscribe token are equal: each subscriber could publish"
            );
        }
        if are_same(&publish, metrics) {
            bail!(
                "the publish token and the metrics token are equal: each reader of /metrics could publish"
            );
        }
        if let Some(subscribe) = subscribe
            && are_same(subscribe, metrics)
        {
            bail!(
                "the subscribe token and the metrics token are equal: each subscriber could read /metrics"
            );
        }
        Ok(Access {
            publish,
            subscribe: subscribe.clone(),
            metrics: metrics.clone(),
            accepts_token_in_url: self.token_in_url,
            is_local: exposed.is_none(),
            hosts: self.hosts.clone(),
        })
    }
}

/// Options for the retention of events.
#[derive(Args)]
pub(crate) struct RetentionOptions {
    /// Maximum number of events that are kept for subscribers that reconnect; at least the newest is kept.
    #[arg(
        long,
        value_name = "N",
        env = "SSE_HUB_KEEP_EVENTS",
        default_value_t = Retention::new().events
    )]
    keep_events: usize,
    /// Maximum number of bytes of the events that are kept.
    #[arg(
        long,
        value_name = "BYTES",
        env = "SSE_HUB_KEEP_BYTES",
        default_value_t = Retention::new().bytes
    )]
    keep_bytes: usize,
    /// Number of newest events of each topic that are kept even while other topics are busy. They take at most half of
    /// --keep-bytes. 0 switches this off.
    #[arg(
        long,
        value_name = "N",
        env = "SSE_HUB_KEEP_PER_TOPIC",
        default_value_t = Retention::new().events_per_topic
    )]
    keep_per_topic: usize,
    /// Maximum age of an event that is replayed; by default, any.
    #[arg(long, value_name = "SECONDS", env = "SSE_HUB_KEEP_FOR", value_parser = parse::seconds)]
    keep_for: Option<Duration>,
}

impl RetentionOptions {
    pub(crate) fn retention(&self) -> Retention {
        let retention = Retention::new()
            .events(self.keep_events)
            .bytes(self.keep_bytes)
            .events_per_topic(self.keep_per_topic);
        match self.keep_for {
            Some(age) => retention.age(age),
            None => retention,
        }
    }
}

/// Type of the event that `--ping` sends.
pub(crate) const PING_TYPE: &str = "ping";

/// Options that apply to all streams.
#[derive(Args)]
pub(crate) struct StreamOptions {
    /// Send a comment to a stream that was idle for this time, so that proxies keep its connection.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SSE_HUB_KEEP_ALIVE",
        value_parser = parse::seconds,
        default_value = "15"
    )]
    keep_alive: Duration,

    /// Send an event of the type `ping` instead of the comment, because scripts in browsers cannot see comments.
    /// Publishers then cannot use this type.
    #[arg(long, env = "SSE_HUB_PING", value_parser = BoolishValueParser::new())]
    pub(crate) ping: bool,

    /// Compress streams for clients that accept gzip. Each event is compressed once and alone. This pays off for events
    /// of some hundred bytes and more. The compressed forms count as kept bytes.
    #[arg(long, env = "SSE_HUB_GZIP", value_parser = BoolishValueParser::new())]
    pub(crate) gzip: bool,

    /// End each stream after a random time between 80% and 100% of this one, so that clients spread over the servers
    /// again; by default, streams do not end.
    #[arg(long, value_name = "SECONDS", env = "SSE_HUB_MAX_AGE", value_parser = parse::seconds)]
    max_age: Option<Duration>,

    /// Minimum reconnection time that each stream begins with, in the block of its first event. It is random, up to
    /// twice this time, so that clients do not all reconnect at once after a crash.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SSE_HUB_RETRY",
        value_parser = parse::seconds,
        default_value = "2"
    )]
    retry: Duration,
}

impl StreamOptions {
    pub(crate) fn config(&self) -> StreamConfig {
        let mut keep_alive = KeepAlive::new().interval(self.keep_alive);
        if self.ping {
            keep_alive = keep_alive.event(&Event::new("{}"));
        }
        let config = StreamConfig::default()
            .gzip(self.gzip)
            .keep_alive(keep_alive)
            .reconnection_time_range(self.retry..=self.retry.saturating_mul(2));
        match self.max_age {
            Some(age) => config.max_age(age / 5 * 4..=age),
            None => config,
        }
    }
}

/// Parser of an option whose value is secret. Its errors do not quote the value, as those of clap do, because stderr is
/// often written to a log.
#[derive(Clone)]
pub(crate) struct Secret<T>(pub(crate) fn(&str) -> Result<T>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Secret<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, Error> {
        let parsed = match value.to_str() {
            Some(text) => self.0(text).map_err(|error| error.to_string()),
            None => Err("not UTF-8".to_owned()),
        };
        parsed.map_err(|reason| {
            let option = option.map_or_else(String::new, |option| format!("'{option}': "));
            let message = format!("invalid value for {option}{reason}\n");
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Parses the key that seals event IDs, of 32 hexadecimal digits.
pub(crate) fn id_key(text: &str) -> Result<[u8; 16]> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(
        are_digits && text.len() == 32,
        "expected 32 hexadecimal digits"
    );
    Ok(u128::from_str_radix(text, 16)?.to_be_bytes())
}

/// Parses a number of at least 1.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}
