//! Request of an attempt.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use tokio::sync::watch;

use crate::{Error, Result};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Request without a last event ID.
#[derive(Clone, Debug)]
pub(crate) struct RequestTemplate {
    pub(crate) method: String,
    pub(crate) url: Uri,
    /// Receiver of URLs that replace `url`.
    pub(crate) dynamic_url: Option<watch::Receiver<Uri>>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

impl RequestTemplate {
    /// Returns the request of an attempt.
    pub(crate) fn make(&self, last_event_id: &str) -> Result<Request<Option<Bytes>>> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() =
            Method::from_bytes(self.method.as_bytes()).map_err(Error::invalid_parameter)?;
        *request.uri_mut() = match &self.dynamic_url {
            Some(url) => url.borrow().clone(),
            None => self.url.clone(),
        };
        *request.headers_mut() = self.headers.clone();
        if !last_event_id.is_empty() {
            let id = HeaderValue::from_bytes(last_event_id.as_bytes())
                .map_err(Error::invalid_parameter)?;
            request.headers_mut().insert(LAST_EVENT_ID, id);
        }
        Ok(request)
    }
}
