//! Options for tokens and hosts.

use core::net::SocketAddr;

use anyhow::{Result, bail};
use clap::{Args, builder::BoolishValueParser};

use crate::{
    hub::{
        access::{Access, Token},
        host::HostPattern,
        listen::Address,
        secret::Secret,
    },
    notice,
};

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
    /// The metrics count the events of all topics. Without this token, /metrics is open on a loopback address
    /// without --subscribe-token and --allow-host; otherwise it answers 403. So set this token or --allow-host
    /// if a proxy on this machine passes requests on. Other users of this machine can see command lines, so set
    /// the token in the environment instead.
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
    pub(crate) fn has_subscribe_token(&self) -> bool {
        self.subscribe_token.is_some()
    }

    /// Checks the options together, for a server that listens on these addresses.
    pub(crate) fn access(&self, listen: &Address, addresses: &[SocketAddr]) -> Result<Access> {
        let is_loopback = |it: &SocketAddr| it.ip().to_canonical().is_loopback();
        let is_loopback = addresses.iter().all(is_loopback);
        let publish = match &self.publish_token {
            Some(token) => token.clone(),
            None if !is_loopback => bail!(
                "{} can be reached from other machines: --publish-token or SSE_HUB_PUBLISH_TOKEN is \
                 required",
                listen
            ),
            None => {
                let token = Token::draw()?;
                notice::tell(format_args!(
                    "the publish token of this run: {}",
                    token.show()
                ));
                token
            }
        };
        let (subscribe, metrics) = (&self.subscribe_token, &self.metrics_token);
        let are_same = |one: &Token, other: &Option<Token>| {
            other.as_ref().is_some_and(|other| one.is(other.show()))
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
            takes_token_in_url: self.token_in_url,
            is_loopback,
            hosts: self.hosts.clone(),
        })
    }
}
