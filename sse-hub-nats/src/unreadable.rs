//! Messages that the client of `async_nats` cannot read at all.
//!
//! By NATS's protocol, the headers of a message may be any bytes, and a server takes them as they are.
//! The client ends the connection for some, and itself for others
//! ([nats.rs#1612](https://github.com/nats-io/nats.rs/pull/1612)); and again, as often as it meets the
//! message. So whoever has lost the connection before the first message looks by another way whether
//! the message is to blame, and deletes it. Such a message is none of ours.

use async_nats::HeaderName;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sse_hub::BackendError;

use crate::{link::Life, shared::Shared};

/// The answer of JetStream for "no message found".
const NOT_FOUND: u64 = 10037;

impl Shared {
    /// The number of the next message, if there is one.
    pub(crate) async fn next_number(
        &self,
        life: &Life,
        after: u64,
    ) -> Result<Option<u64>, BackendError> {
        let next = self.next_raw(life, after).await?;
        Ok(next.map(|(number, _)| number))
    }

    /// Deletes the next message if the client cannot read it, and gives its number.
    pub(crate) async fn delete_unreadable(
        &self,
        life: &Life,
        after: u64,
    ) -> Result<Option<u64>, BackendError> {
        let Some((number, headers)) = self.next_raw(life, after).await? else {
            return Ok(None);
        };
        if is_readable(&headers) {
            return Ok(None);
        }
        let stream = &self.settings.stream;
        let subject = format!("STREAM.MSG.DELETE.{stream}");
        let request = json!({"seq": number, "no_erase": true});
        let deleted: Value = life
            .context
            .request(subject, &request)
            .await
            .map_err(|error| {
                life.error(
                    &format!("deleting message {number} of the stream {stream:?}"),
                    error,
                )
            })?;
        tracing::warn!(
            stream,
            number,
            is_deleted = deleted["success"].as_bool().unwrap_or(false),
            "a message that is no event is skipped: its headers cannot be read"
        );
        Ok(Some(number))
    }

    /// The number and the headers of the next message.
    async fn next_raw(
        &self,
        life: &Life,
        after: u64,
    ) -> Result<Option<(u64, Vec<u8>)>, BackendError> {
        let stream = &self.settings.stream;
        let error = |error: String| life.error(&format!("reading the stream {stream:?}"), error);
        let subject = format!("STREAM.MSG.GET.{stream}");
        let request = json!({"seq": after + 1, "next_by_subj": self.subject});
        let found: Value = life
            .context
            .request(subject, &request)
            .await
            .map_err(|it| error(it.to_string()))?;
        if found["error"]["err_code"].as_u64() == Some(NOT_FOUND) {
            return Ok(None);
        }
        let number = found["message"]["seq"].as_u64();
        let number = number.ok_or_else(|| error(found["error"].to_string()))?;
        let headers = found["message"]["hdrs"].as_str().unwrap_or_default();
        let headers = STANDARD.decode(headers);
        Ok(Some((number, headers.map_err(|it| error(it.to_string()))?)))
    }
}

/// What the client makes sure of before it takes headers for such, and where it fails if they are not.
fn is_readable(headers: &[u8]) -> bool {
    let Some((version, rest)) = str::from_utf8(headers)
        .ok()
        .map(|it| it.split_once("\r\n").unwrap_or((it, "")))
    else {
        return false;
    };
    let is_line = |line: &str| {
        let named = line.split_once(':');
        let is_name = named.is_some_and(|(name, _)| HeaderName::try_from(name).is_ok());
        line.is_empty() || (is_name && !line.contains(['\r', '\n']))
    };
    headers.is_empty() || (version == "NATS/1.0" && rest.split("\r\n").all(is_line))
}

#[cfg(test)]
mod tests {
    use super::is_readable;

    #[test]
    fn what_the_client_cannot_read() {
        for good in ["", "NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: b\r\nC:\r\n\r\n"] {
            assert!(is_readable(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "NATS/1.0\r\nA: b\rc\r\n\r\n",
            "NATS/1.0\r\nno colon\r\n\r\n",
            "NATS/1.0\r\nA b: c\r\n\r\n",
            "NATS/1.0 x\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
        ] {
            assert!(!is_readable(bad.as_bytes()), "{bad:?}");
        }
        assert!(!is_readable(b"NATS/1.0\r\nA: \xff\r\n\r\n"));
    }
}
