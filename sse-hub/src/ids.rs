use sse_hyper::EventId;

/// Format of the IDs of events.
///
/// An ID names the epoch and the number of an event. A hub in memory has a random epoch, and with a backend it is
/// [that of the backend](crate::Backend::epoch). So an ID from before a restart is known to be one, whatever the
/// clock of the machine says: a client that comes with it gets a `reset`.
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
    /// Returns the format of readable IDs: the epoch in hexadecimal digits and the number in decimal ones, such as
    /// `5f3a9c21-17`; `17` if there is no epoch. The numbers ascend over all topics, so they tell a subscriber how
    /// much is published to others.
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

    /// Returns the ID of an event: the same each time, and on each node.
    pub(crate) fn id(&self, epoch: u64, number: u64) -> EventId {
        match &self.0 {
            Form::Plain => plain(epoch, number),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(seal) => seal.event(epoch, number),
        }
    }

    /// Returns an ID of the place after this number, for a subscriber that may not have heard of the event.
    pub(crate) fn position(&self, epoch: u64, number: u64) -> EventId {
        match &self.0 {
            Form::Plain => plain(epoch, number),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(seal) => seal.position(epoch, number),
        }
    }

    /// Returns whether a subscriber must not learn that others hear of an event.
    pub(crate) fn are_secret(&self) -> bool {
        !matches!(self.0, Form::Plain)
    }

    /// Returns the number, if it is an ID of this epoch.
    pub(crate) fn number(&self, epoch: u64, id: &EventId) -> Option<u64> {
        match &self.0 {
            Form::Plain => plain_number(epoch, id),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(seal) => seal.open(epoch, id.as_str()),
        }
    }
}

fn plain(epoch: u64, number: u64) -> EventId {
    let id = match epoch {
        0 => number.to_string(),
        epoch => format!("{epoch:x}-{number}"),
    };
    // These letters and digits cannot fail to be an ID.
    EventId::new(id).unwrap_or_else(|_| EventId::from(number))
}

#[expect(clippy::disallowed_methods, reason = "other texts give another ID")]
fn plain_number(epoch: u64, id: &EventId) -> Option<u64> {
    let text = id.as_str();
    let digits = text.rsplit_once('-').map_or(text, |(_, digits)| digits);
    let number = digits.parse().ok()?;
    (plain(epoch, number) == *id).then_some(number)
}

/// # A note to the next reader
///
/// A number is sealed by AES-GCM-SIV ([RFC 8452](https://www.rfc-editor.org/rfc/rfc8452)): 8 bytes of it
/// and a tag of 16, which one of 2^128 guesses opens. It is the mode that stays safe when a nonce comes
/// again, which is wanted here: all events have the nonce zero, which is not sent, so that each node
/// gives an event the same ID. That tells of two IDs only whether they are of the same event. Positions
/// have a random nonce of 12 bytes in front, so that not even that can be told of them. The epoch is the
/// additional data: an ID does not contain it, and opens only in the epoch in which it was sealed.
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

        pub(super) fn event(&self, epoch: u64, number: u64) -> EventId {
            let sealed = self.seal([0; NONCE], epoch, number);
            id(&sealed[NONCE..])
        }

        pub(super) fn position(&self, epoch: u64, number: u64) -> EventId {
            let mut nonce = [0; NONCE];
            // Without a source of randomness, which no system lacks, it is as good as an event's.
            let _ = getrandom::fill(&mut nonce);
            id(&self.seal(nonce, epoch, number))
        }

        pub(super) fn open(&self, epoch: u64, id: &str) -> Option<u64> {
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
                &epoch.to_be_bytes(),
                (&mut number[..]).into(),
                &Tag::from(tag),
            );
            opened.ok()?;
            Some(u64::from_be_bytes(number))
        }

        /// The nonce, the number and the tag.
        fn seal(&self, nonce: [u8; NONCE], epoch: u64, number: u64) -> [u8; NONCE + NUMBER + TAG] {
            let mut sealed = [0; NONCE + NUMBER + TAG];
            let mut number = number.to_be_bytes();
            let tag = self.0.encrypt_inout_detached(
                &Nonce::from(nonce),
                &epoch.to_be_bytes(),
                (&mut number[..]).into(),
            );
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
    fn plain_ones_name_the_epoch_and_the_number() {
        let ids = Ids::plain();
        for (epoch, text) in [(0, "17"), (1, "1-17"), (u64::MAX, "ffffffffffffffff-17")] {
            let id = ids.id(epoch, 17);
            assert_eq!(id.as_str(), text);
            assert_eq!(ids.position(epoch, 17), id);
            for other in [0, 1, 17, u64::MAX] {
                assert_eq!(ids.number(other, &id), (other == epoch).then_some(17));
            }
        }
        for id in [
            "",
            "-",
            "+1",
            "-1",
            "1a",
            "01",
            "a-",
            "a-+1",
            "a-01",
            "0a-1",
            "A-1",
            "b-1",
            "a--1",
            "a-a-1",
            "a 1",
            "99999999999999999999",
        ] {
            let id = EventId::new(id).unwrap();
            assert_eq!(
                [ids.number(0, &id), ids.number(10, &id)],
                [None; 2],
                "{id:?}"
            );
        }
    }

    #[cfg(feature = "sealed-ids")]
    #[test]
    fn sealed_ones_say_nothing_and_cannot_be_made_up() {
        let (ids, others) = (Ids::sealed([1; 16]), Ids::sealed([2; 16]));
        const EPOCH: u64 = 0x5f3a_9c21;
        for number in [0, 1, 2, 1 << 40, u64::MAX] {
            let (event, position) = (ids.id(EPOCH, number), ids.position(EPOCH, number));
            assert_eq!(event, ids.id(EPOCH, number));
            assert_ne!(event, ids.id(EPOCH + 1, number));
            assert_ne!(position, ids.position(EPOCH, number));
            assert_eq!((event.as_str().len(), position.as_str().len()), (32, 48));
            for id in [event, position] {
                assert_eq!(ids.number(EPOCH, &id), Some(number));
                assert_eq!(ids.number(EPOCH + 1, &id), None);
                assert_eq!(others.number(EPOCH, &id), None);
                // Whatever is changed, it is none of ours.
                for at in 0..id.as_str().len() {
                    let mut forged = id.as_str().to_owned();
                    let other = if &forged[at..=at] == "A" { "B" } else { "A" };
                    forged.replace_range(at..=at, other);
                    assert_eq!(ids.number(EPOCH, &EventId::new(forged).unwrap()), None);
                }
                for cut in 1..id.as_str().len() {
                    let cut = EventId::new(id.as_str()[cut..].to_owned()).unwrap();
                    assert_eq!(ids.number(EPOCH, &cut), None);
                }
            }
            assert_ne!(
                ids.id(EPOCH, number ^ 1).as_str()[..8],
                ids.id(EPOCH, number).as_str()[..8]
            );
        }
        for id in ["17", "", "+0000000000000000000000000000000"] {
            assert_eq!(ids.number(EPOCH, &EventId::new(id).unwrap()), None);
        }
        assert!(!format!("{ids:?}").contains('1'), "the key is not shown");
    }
}
