//! Options for CORS: permissions of pages of other origins.

use core::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use http::{
    HeaderName, Method,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::hub::origin::OriginPattern;

/// Time for which a browser caches the response to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

#[derive(Args)]
pub(crate) struct Cors {
    /// Origin whose pages may read the events, and publish with the token, as in `https://example.com`; or
    /// `https://*.example.com` for all names below a domain, or `*` for all origins; may be repeated.
    ///
    /// With `*` and without --subscribe-token, every page in every browser that reaches this address can read the
    /// events. `null` is refused, because every page can have that origin.
    #[arg(
        long = "allow-origin",
        env = "SSE_HUB_ALLOW_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN",
        value_parser = OriginPattern::parse
    )]
    origins: Vec<OriginPattern>,
    /// Header that those pages may send, in addition to Authorization, Cache-Control, Content-Type and Last-Event-ID;
    /// may be repeated.
    #[arg(
        long = "allow-header",
        env = "SSE_HUB_ALLOW_HEADER",
        value_delimiter = ',',
        value_name = "NAME",
        value_parser = header,
        requires = "origins"
    )]
    allowed_headers: Vec<HeaderName>,
    /// Header of responses that those pages may read, in addition to Retry-After; may be repeated.
    #[arg(
        long = "expose-header",
        env = "SSE_HUB_EXPOSE_HEADER",
        value_delimiter = ',',
        value_name = "NAME",
        value_parser = header,
        requires = "origins"
    )]
    exposed_headers: Vec<HeaderName>,
}

impl Cors {
    /// Returns whether pages of all origins may read the events.
    pub(crate) fn allows_any(&self) -> bool {
        self.origins.contains(&OriginPattern::Any)
    }

    /// Returns the layer that answers preflights and adds headers to responses, or `None` without other origins. It
    /// never allows a browser to send cookies or other credentials of its own.
    pub(crate) fn layer(&self) -> Result<Option<CorsLayer>> {
        let origins = match &*self.origins {
            [] => return Ok(None),
            [OriginPattern::Any] => AllowOrigin::any(),
            _ if self.allows_any() => {
                bail!("--allow-origin '*' allows all origins: remove the other origins")
            }
            several => {
                let several = several.to_vec();
                AllowOrigin::predicate(move |origin, _| several.iter().any(|it| it.matches(origin)))
            }
        };
        let last_event_id = HeaderName::from_static("last-event-id");
        let allowed = [AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, last_event_id];
        let allowed = allowed.iter().chain(&self.allowed_headers).cloned();
        let exposed = [RETRY_AFTER];
        let exposed = exposed.iter().chain(&self.exposed_headers).cloned();
        let layer = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::HEAD, Method::POST])
            .allow_headers(allowed.collect::<Vec<_>>())
            .expose_headers(exposed.collect::<Vec<_>>())
            .max_age(PREFLIGHT_MAX_AGE);
        Ok(Some(layer))
    }
}

/// Parses the name of a header on the command line.
fn header(text: &str) -> Result<HeaderName, String> {
    if text == "*" {
        return Err("`*` is not supported for headers: name each header".to_owned());
    }
    HeaderName::try_from(text).map_err(|_| "not the name of a header".to_owned())
}
