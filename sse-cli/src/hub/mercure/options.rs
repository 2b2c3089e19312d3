//! Options of the protocol.

use core::time::Duration;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, builder::BoolishValueParser};
use sse_hub::{HubConfig, IdFormat};
use sse_mercure::{
    Compatibility, DEFAULT_COOKIE_NAME, HubUrl, Limits, Matchers, ResourceMetadata, TokenValidator,
};

use crate::hub::{
    cors::OriginPattern,
    mercure::{
        MAX_RETRY, Mercure, client_limits::ClientLimits, issuers::IssuersFile, jwk_sets::Refresher,
        presence::Presence, stream_memory::StreamMemory,
    },
    options,
    routes::COMMON_PATHS,
};

/// Options of the Mercure protocol.
#[allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the texts are shown in a terminal"
)]
#[derive(Args)]
#[command(next_help_heading = "Mercure")]
pub(crate) struct MercureOptions {
    /// Serve the Mercure protocol at this URL, for example https://hub.example.com/.well-known/mercure, instead of
    /// /events and /publish. It is the URL by which clients reach the hub, and the audience of their access tokens.
    ///
    /// Needs --mercure-issuers. /healthz, /metrics and the page of --debugger are served, too.
    #[arg(
        long = "mercure",
        value_name = "URL",
        env = "SSE_HUB_MERCURE",
        value_parser = HubUrl::new,
        requires = "issuers"
    )]
    url: Option<HubUrl>,
    /// File in TOML with the issuers of access tokens that the hub trusts, each with its keys:
    ///
    ///   [[issuer]]
    ///   id = "https://example.com"          # claim "iss" of its tokens
    ///   authorization-server = false        # whether clients can get tokens there
    ///   publisher = { key = "a secret of at least 32 bytes", algorithm = "HS256" }
    ///   subscriber = { jwks = "https://example.com/jwks.json", algorithms = ["ES256"] }
    ///
    /// A key is a shared secret, or a public key in PEM. `key-file` names a file with a key, and `jwks` is a URL or a
    /// file with a JWK set. Sets from URLs are read again every hour, and when a token has an unknown key ID.
    #[arg(
        long = "mercure-issuers",
        value_name = "FILE",
        env = "SSE_HUB_MERCURE_ISSUERS",
        requires = "url",
        verbatim_doc_comment
    )]
    issuers: Option<PathBuf>,
    /// Let clients without an access token subscribe. They get no private updates.
    #[arg(
        long = "mercure-anonymous",
        env = "SSE_HUB_MERCURE_ANONYMOUS",
        value_parser = BoolishValueParser::new(),
        requires = "url"
    )]
    is_anonymous: bool,
    /// Publish an update when a subscription begins or ends, and serve the subscription API.
    #[arg(
        long = "mercure-subscriptions",
        env = "SSE_HUB_MERCURE_SUBSCRIPTIONS",
        value_parser = BoolishValueParser::new(),
        requires = "url"
    )]
    has_subscriptions: bool,
    /// Name of the cookie with the access token. Use one without the prefix `__Secure-` to develop without TLS.
    #[arg(
        long = "mercure-cookie",
        value_name = "NAME",
        env = "SSE_HUB_MERCURE_COOKIE",
        default_value = DEFAULT_COOKIE_NAME
    )]
    cookie: String,
    /// Origin of pages that may publish with the cookie, in addition to the origin of the hub; may be repeated. Pages
    /// that send the token in a header need --allow-origin only.
    #[arg(
        long = "mercure-publish-origin",
        value_name = "ORIGIN",
        env = "SSE_HUB_MERCURE_PUBLISH_ORIGIN",
        value_delimiter = ',',
        value_parser = OriginPattern::parse,
        requires = "url"
    )]
    publish_origins: Vec<OriginPattern>,
    /// Maximum number of streams of one address at a time; further ones get status 429. Behind a proxy, all clients
    /// have its address. No limit by default.
    #[arg(
        long = "mercure-max-per-address",
        value_name = "N",
        env = "SSE_HUB_MERCURE_MAX_PER_ADDRESS",
        value_parser = options::at_least_one,
        requires = "url"
    )]
    max_per_address: Option<usize>,
    /// Maximum number of streams at a time for one subject of access tokens; further ones get status 429. No limit by
    /// default.
    #[arg(
        long = "mercure-max-per-subject",
        value_name = "N",
        env = "SSE_HUB_MERCURE_MAX_PER_SUBJECT",
        value_parser = options::at_least_one,
        requires = "url"
    )]
    max_per_subject: Option<usize>,
    /// Also accept clients of the drafts up to 7, which hubs of the versions 0.x implement: topic=, with URI templates;
    /// lastEventID; tokens with the claim "mercure"; and tokens in the query parameter authorization or in the cookie
    /// mercureAuthorization.
    ///
    /// Access control is weaker then. A token with the claim "mercure" needs no typ, iss, aud or exp, but each of them
    /// counts if it is present. Without iss, the keys of all issuers may sign it. Without exp, it is valid until its key
    /// changes. Proxies and browsers may log a token in a URL; this hub does not.
    ///
    /// Documents about active subscriptions and their URLs keep the form of the current draft: the old form
    /// /subscriptions/{topic}/{subscriber} is not served.
    #[arg(
        long = "mercure-compatibility",
        env = "SSE_HUB_MERCURE_COMPATIBILITY",
        value_parser = BoolishValueParser::new(),
        requires = "url"
    )]
    is_compatible: bool,
}

impl MercureOptions {
    /// Returns whether the protocol is served.
    pub(crate) fn is_enabled(&self) -> bool {
        self.url.is_some()
    }

    /// Changes the configuration of the hub to that of the protocol. `reserved_type` is the type of pings.
    pub(crate) fn configure(
        &self,
        config: HubConfig,
        ids: IdFormat,
        reserved_type: Option<&'static str>,
    ) -> Result<HubConfig> {
        let Some(url) = &self.url else {
            return Ok(config.id_format(ids));
        };
        let key = Matchers::new(url.clone()).pattern_key();
        Ok(config
            // > the hub MUST generate either a valid IRI or a relative reference consisting of a fragment
            .id_format(ids.with_prefix("#")?)
            .publisher_ids(true)
            .control_events(false)
            .reserved_event_types(reserved_type)
            .allowed_retry(Duration::ZERO..=MAX_RETRY)
            .pattern_key(key))
    }

    /// Reads the keys of the issuers. `None` if the protocol is not served.
    pub(crate) async fn load(&self) -> Result<Option<Mercure>> {
        let (Some(url), Some(path)) = (&self.url, &self.issuers) else {
            return Ok(None);
        };
        ensure!(
            !COMMON_PATHS.contains(&url.path()),
            "--mercure: {} is a path of the server, so the hub cannot have it",
            url.path()
        );
        ensure!(
            !self.cookie.is_empty() && self.cookie.bytes().all(is_cookie_name),
            "--mercure-cookie: {:?} is not the name of a cookie",
            self.cookie
        );
        let file = IssuersFile::read(path).with_context(|| path.display().to_string())?;
        let mut metadata = ResourceMetadata::new(url.as_str());
        metadata.authorization_servers = file.authorization_servers();
        metadata.mercure_cookie = Some(self.cookie.clone());
        metadata.mercure_subscriptions = self.has_subscriptions;
        let (issuers, sources) = file.load().with_context(|| path.display().to_string())?;
        let jwk_sets = Refresher::start(sources).await;
        let compatibility = match self.is_compatible {
            true => Compatibility::Draft7,
            false => Compatibility::None,
        };
        let matchers = Matchers::new(url.clone()).with_compatibility(compatibility);
        let limits = Limits::default();
        let validator =
            TokenValidator::new(url.as_str(), issuers, matchers.clone(), limits.clone());
        let metadata_path = ResourceMetadata::path(url);
        Ok(Some(Mercure {
            validator,
            jwk_sets,
            cookie: self.cookie.clone(),
            is_anonymous: self.is_anonymous,
            publish_origins: self.publish_origins.clone(),
            client_limits: ClientLimits::new(self.max_per_address, self.max_per_subject),
            stream_memory: StreamMemory::default(),
            presence: self.has_subscriptions.then(Presence::default),
            #[cfg(feature = "nats")]
            nodes: None,
            metadata_url: format!("{}{metadata_path}", url.origin()),
            metadata_path,
            metadata,
            matchers,
            limits,
        }))
    }
}

/// Returns whether the name of a cookie may have this byte, by RFC 6265.
fn is_cookie_name(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}
