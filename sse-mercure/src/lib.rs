//! The [Mercure](https://mercure.rocks) protocol over [`sse-hub`](sse_hub), without a server.
//!
//! This crate parses and checks what clients send, and creates what a hub answers. A server adds HTTP: the command
//! [`sse hub --mercure`](https://docs.rs/sse-cli) is one.
//!
//! ```
//! use sse_hub::{Hub, HubConfig, IdFormat};
//! use sse_mercure::{HubUrl, Limits, Matchers, SubscriptionRequest, Update};
//!
//! let matchers = Matchers::new(HubUrl::new("https://hub.example.com/.well-known/mercure")?);
//! let config = HubConfig::new()
//!     .id_format(IdFormat::plain().with_prefix("#")?)
//!     .publisher_ids(true)
//!     .control_events(false)
//!     .pattern_key(matchers.pattern_key());
//! let hub = Hub::new(config);
//!
//! // GET /.well-known/mercure?match_urlpattern=…
//! let query = "match_urlpattern=https%3A%2F%2Fexample.com%2Fbooks%2F%3Aid";
//! let request = SubscriptionRequest::parse(&matchers, &Limits::default(), query, None)?;
//! let subscription = hub.subscription(request.filters()?).subscribe()?;
//!
//! // POST /.well-known/mercure
//! let body = "topic=https%3A%2F%2Fexample.com%2Fbooks%2F1&data=it+works";
//! let update = Update::parse(&matchers, &Limits::default(), body.as_bytes())?;
//! let id = hub.try_publish(update.into_publication()?)?;
//! # drop((subscription, id));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Types
//!
//! | task | types |
//! |---|---|
//! | identify the hub | [`HubUrl`]: the base URL of relative topics, and the namespace that is reserved for the hub |
//! | subscribe | [`SubscriptionRequest`] with its [`Matcher`]s, which [`Matchers`] compiles |
//! | publish | [`Update`] |
//! | authorize | [`Credentials`] of a request; [`TokenValidator`] checks them and returns an [`AccessToken`] with its [`Grants`] |
//! | answer | [`AuthorizationError`] has the status and the challenge; [`ResourceMetadata`] describes the hub |
//! | active subscriptions | [`SubscriptionDocument`] |
//! | accept clients of earlier drafts | [`Compatibility`] |
//!
//! # Conformance
//!
//! The crate implements [draft-dunglas-mercure-08](https://mercure.rocks/spec), the protocol of version 1.0 of the
//! reference hub. CONFORMANCE.md lists each requirement of the draft with its test.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod authorization_details;
mod challenge;
mod compatibility;
mod credentials;
mod error;
mod grants;
mod hub_url;
mod keys;
mod legacy_claims;
mod limits;
mod linear_regex;
mod matcher;
mod metadata;
mod parameters;
mod subscription_document;
mod subscription_request;
mod text;
mod token;
mod update;
mod uri_template;
mod url_pattern;

pub use challenge::AuthorizationError;
pub use compatibility::Compatibility;
pub use credentials::{Credentials, Mechanism};
pub use error::RequestError;
pub use grants::Grants;
pub use hub_url::{HubUrl, InvalidHubUrl};
pub use keys::{Algorithm, InvalidKey, KeySet};
pub use limits::Limits;
pub use matcher::{InvalidMatcher, Matcher, MatcherType, Matchers};
pub use metadata::ResourceMetadata;
pub use subscription_document::{SubscriptionDocument, SubscriptionScope};
pub use subscription_request::SubscriptionRequest;
pub use text::InvalidText;
pub use token::{AccessToken, InvalidToken, Issuer, Role, TokenValidator};
pub use update::Update;

/// Default name of the cookie with the access token.
pub const DEFAULT_COOKIE_NAME: &str = "__Secure-mercure_access_token";

/// Last event ID with which a client requests all updates that the hub has, and the ID before the first update.
pub const EARLIEST: &str = "earliest";

/// Event type of the updates that the hub publishes about subscriptions.
pub const SUBSCRIPTION_EVENT_TYPE: &str = "mercure";
