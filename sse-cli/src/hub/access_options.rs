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
    /// Token that publishers have to send as `Authorization: Bearer TOKEN`; by default drawn at random and told on
    /// stderr.
    ///
    /// Others on this machine can see command lines, so better give it in the environment.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_PUBLISH_TOKEN",
        hide_env_values = true,
        value_parser = Secret(Token::parse)
    )]
    publish_token: Option<Token>,
    /// Token that subscribers have to send as `Authorization: Bearer TOKEN`.
    ///
    /// Better in the environment, too.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_SUBSCRIBE_TOKEN",
        hide_env_values = true,
        value_parser = Secret(Token::parse)
    )]
    subscribe_token: Option<Token>,
    /// Token that a request for /metrics has to send as `Authorization: Bearer TOKEN`.
    ///
    /// The metrics count the events of all topics. Without this token, /metrics is open on a loopback address
    /// that has neither --subscribe-token nor --allow-host, and answers 403 otherwise. So give it, or
    /// --allow-host, where a proxy on this machine passes requests on. Better in the environment, too.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SSE_HUB_METRICS_TOKEN",
        hide_env_values = true,
        value_parser = Secret(Token::parse)
    )]
    metrics_token: Option<Token>,
    /// Take the subscribe token also from the query, as `access_token`: the EventSource of browsers cannot
    /// send headers. But URLs are what proxies write into logs.
    #[arg(
        long,
        env = "SSE_HUB_TOKEN_IN_URL",
        value_parser = BoolishValueParser::new(),
        requires = "subscribe_token"
    )]
    token_in_url: bool,
    /// A name under which it may be asked for, or `*.example.com` for all below a domain, beside the names of a
    /// loopback address that it listens on; may be repeated. Without it, any name is served, unless the address is
    /// a loopback one.
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
                "{} can be reached from other machines, so --publish-token has to be given, or \
                 SSE_HUB_PUBLISH_TOKEN",
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
        if are_same(&publish, subscribe) || are_same(&publish, metrics) {
            bail!(
                "with the publish token as another token, too, each subscriber could publish, or each \
                 who may read /metrics"
            );
        }
        if let Some(subscribe) = subscribe
            && are_same(subscribe, metrics)
        {
            bail!("with one token for both, each subscriber could read /metrics");
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
