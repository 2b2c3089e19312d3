use sse_hyper::EventId;

/// How the number of an event becomes its ID.
#[derive(Clone, Debug, Default)]
pub struct Ids(Form);

#[derive(Clone, Debug, Default)]
enum Form {
    #[default]
    Plain,
    #[cfg(feature = "sealed-ids")]
    Sealed(sealed::Seal),
}

impl Ids {
    /// Decimal digits. They ascend over all topics, so they tell a subscriber how much is published to
    /// others.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Text that says nothing without this key, and that nobody can make up: for hubs whose subscribers
    /// must not learn from each other's traffic.
    ///
    /// An event has one ID of 32 characters. A position that a subscriber is told, as in a `reset` or
    /// `lagged` event and by [`Settings::with_position`](crate::Settings::with_position), has 48
    /// characters and is sealed anew each time: two of them say nothing of what was published between
    /// them. A quiet subscriber is told its position whether or not something was published. Only that an ID is
    /// too old tells that the log may have lost events that the subscriber selects, which depends on how much is
    /// published to all.
    ///
    /// All nodes need the same key, and a client that comes with an ID under another one gets a `reset`.
    #[cfg(feature = "sealed-ids")]
    pub fn sealed(key: [u8; 16]) -> Self {
        Self(Form::Sealed(sealed::Seal::new(key)))
    }

    /// The ID of an event: the same each time, and on each node.
    pub(crate) fn id(&self, number: u64) -> EventId {
        match &self.0 {
            Form::Plain => EventId::from(number),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(seal) => seal.event(number),
        }
    }

    /// An ID of the place after this number, for a subscriber that may not have heard of the event.
    pub(crate) fn position(&self, number: u64) -> EventId {
        match &self.0 {
            Form::Plain => EventId::from(number),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(seal) => seal.position(number),
        }
    }

    /// Returns whether a subscriber must not learn that others hear of an event.
    pub(crate) fn are_secret(&self) -> bool {
        !matches!(self.0, Form::Plain)
    }

    /// The number, if it is an ID of ours.
    pub(crate) fn number(&self, id: &EventId) -> Option<u64> {
        match &self.0 {
            Form::Plain => digits(id.as_str()),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(seal) => seal.open(id.as_str()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "only digits come as far as that")]
fn digits(text: &str) -> Option<u64> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| are_digits)
}

/// # A note to the next reader
///
/// A number is sealed by AES-GCM-SIV ([RFC 8452](https://www.rfc-editor.org/rfc/rfc8452)): 8 bytes of it
/// and a tag of 16, which one of 2^128 guesses opens. It is the mode that stays safe when a nonce comes
/// again, which is wanted here: all events have the nonce zero, which is not sent, so that each node
/// gives an event the same ID. That tells of two IDs only whether they are of the same event. Positions
/// have a random nonce of 12 bytes in front, so that not even that can be told of them.
#[cfg(feature = "sealed-ids")]
mod sealed {
    use core::fmt;
    use std::sync::Arc;

    use aes_gcm_siv::{Aes128GcmSiv, KeyInit as _, Nonce, Tag, aead::AeadInOut as _};
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    use sse_hyper::EventId;

    const NONCE: usize = 12;
    const NUMBER: usize = 8;
    const TAG: usize = 16;

    #[derive(Clone)]
    pub(super) struct Seal(Arc<Aes128GcmSiv>);

    impl Seal {
        pub(super) fn new(key: [u8; 16]) -> Self {
            Self(Aes128GcmSiv::new(&key.into()).into())
        }

        pub(super) fn event(&self, number: u64) -> EventId {
            let sealed = self.seal([0; NONCE], number);
            id(&sealed[NONCE..])
        }

        pub(super) fn position(&self, number: u64) -> EventId {
            let mut nonce = [0; NONCE];
            // Without a source of randomness, which no system lacks, it is as good as an event's.
            let _ = getrandom::fill(&mut nonce);
            id(&self.seal(nonce, number))
        }

        pub(super) fn open(&self, id: &str) -> Option<u64> {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
            let (nonce, sealed) = match bytes.len().checked_sub(NUMBER + TAG)? {
                0 => ([0; NONCE], &bytes[..]),
                NONCE => (bytes[..NONCE].try_into().ok()?, &bytes[NONCE..]),
                _ => return None,
            };
            let (number, tag) = sealed.split_at(NUMBER);
            let mut number: [u8; NUMBER] = number.try_into().ok()?;
            let tag: [u8; TAG] = tag.try_into().ok()?;
            let opened = self.0.decrypt_inout_detached(
                &Nonce::from(nonce),
                &[],
                (&mut number[..]).into(),
                &Tag::from(tag),
            );
            opened.ok()?;
            Some(u64::from_be_bytes(number))
        }

        /// The nonce, the number and the tag.
        fn seal(&self, nonce: [u8; NONCE], number: u64) -> [u8; NONCE + NUMBER + TAG] {
            let mut sealed = [0; NONCE + NUMBER + TAG];
            let mut number = number.to_be_bytes();
            let tag =
                self.0
                    .encrypt_inout_detached(&Nonce::from(nonce), &[], (&mut number[..]).into());
            // Only texts of 64 GiB fail. Zeros open to nothing.
            if let Ok(tag) = tag {
                sealed[..NONCE].copy_from_slice(&nonce);
                sealed[NONCE..NONCE + NUMBER].copy_from_slice(&number);
                sealed[NONCE + NUMBER..].copy_from_slice(&tag);
            }
            sealed
        }
    }

    fn id(bytes: &[u8]) -> EventId {
        // These letters and digits cannot fail to be an ID.
        EventId::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_else(|_| EventId::from(0))
    }

    impl fmt::Debug for Seal {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Seal").finish_non_exhaustive()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ones_are_digits() {
        let ids = Ids::plain();
        assert_eq!(ids.id(17).as_str(), "17");
        assert_eq!(ids.position(17), ids.id(17));
        assert_eq!(ids.number(&EventId::from(17)), Some(17));
        for id in ["", "+1", "-1", "1a", "99999999999999999999"] {
            assert_eq!(ids.number(&EventId::new(id).unwrap()), None, "{id:?}");
        }
    }

    #[cfg(feature = "sealed-ids")]
    #[test]
    fn sealed_ones_say_nothing_and_cannot_be_made_up() {
        let (ids, others) = (Ids::sealed([1; 16]), Ids::sealed([2; 16]));
        for number in [0, 1, 2, 1 << 40, u64::MAX] {
            let (event, position) = (ids.id(number), ids.position(number));
            assert_eq!(event, ids.id(number));
            assert_ne!(position, ids.position(number));
            assert_eq!((event.as_str().len(), position.as_str().len()), (32, 48));
            for id in [event, position] {
                assert_eq!(ids.number(&id), Some(number));
                assert_eq!(others.number(&id), None);
                // Whatever is changed, it is none of ours.
                for at in 0..id.as_str().len() {
                    let mut forged = id.as_str().to_owned();
                    let other = if &forged[at..=at] == "A" { "B" } else { "A" };
                    forged.replace_range(at..=at, other);
                    assert_eq!(ids.number(&EventId::new(forged).unwrap()), None);
                }
                for cut in 1..id.as_str().len() {
                    let cut = EventId::new(id.as_str()[cut..].to_owned()).unwrap();
                    assert_eq!(ids.number(&cut), None);
                }
            }
            assert_ne!(
                ids.id(number ^ 1).as_str()[..8],
                ids.id(number).as_str()[..8]
            );
        }
        for id in ["17", "", "+0000000000000000000000000000000"] {
            assert_eq!(ids.number(&EventId::new(id).unwrap()), None);
        }
        assert!(!format!("{ids:?}").contains('1'), "the key is not shown");
    }
}
