use std::sync::Arc;

use sse_proto::InvalidValue;

use crate::EventId;

/// Format of event IDs.
///
/// An ID consists of the epoch and the sequence of an event. A hub in memory has a random epoch. A hub with a backend
/// has [the epoch of the backend](crate::Backend::epoch). So the hub recognizes an ID from before a restart,
/// independently of the machine's clock: a client that resumes with it gets a `reset`.
#[derive(Clone, Debug, Default)]
pub struct IdFormat {
    encoding: Encoding,
    prefix: Option<Arc<str>>,
}

#[derive(Clone, Debug, Default)]
enum Encoding {
    #[default]
    Plain,
    #[cfg(feature = "sealed-ids")]
    Sealed(sealed::Seal),
}

impl IdFormat {
    /// Returns the format of readable IDs: the epoch in hexadecimal and the sequence in decimal digits.
    ///
    /// For example, `5f3a9c21-17`, or `17` if there is no epoch. The sequences ascend over all topics, so a subscriber
    /// can see how many events are published to others.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Returns the format of encrypted IDs, which cannot be read or forged without this key.
    ///
    /// Use it for hubs whose subscribers must not learn from the traffic of other subscribers.
    ///
    /// The ID of an event has 32 characters. The ID of a position has 48 characters, and is encrypted with a new nonce
    /// each time: two of them do not show how many events were published between them. The hub sends positions in
    /// `reset` and `lagged` events, and by [`HubConfig::position_events`](crate::HubConfig::position_events). A quiet
    /// subscriber gets its position even if nothing was published. A subscriber can still see that an ID is too old:
    /// the log may have lost events of its filters then, which depends on the traffic of all topics.
    ///
    /// All nodes need the same key. A client that resumes with an ID of another key gets a `reset`.
    #[cfg(feature = "sealed-ids")]
    pub fn sealed(key: [u8; 16]) -> Self {
        Self {
            encoding: Encoding::Sealed(sealed::Seal::new(key)),
            prefix: None,
        }
    }

    /// Sets a text that each ID begins with, for example `#`. Without a prefix by default.
    ///
    /// Use it to distinguish the hub's IDs from [those of publishers](crate::HubConfig::publisher_ids).
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] if the prefix is not valid in an ID.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, InvalidValue> {
        EventId::new(prefix)?;
        self.prefix = Some(prefix.into()).filter(|prefix: &Arc<str>| !prefix.is_empty());
        Ok(self)
    }

    /// Returns the ID of an event, which is equal each time and on each node.
    pub(crate) fn id(&self, epoch: u64, sequence: u64) -> EventId {
        self.prefixed(match &self.encoding {
            Encoding::Plain => plain(epoch, sequence),
            #[cfg(feature = "sealed-ids")]
            Encoding::Sealed(seal) => seal.event(epoch, sequence),
        })
    }

    /// Returns an ID of the position after this sequence, for a subscriber that may not have received the event.
    pub(crate) fn position(&self, epoch: u64, sequence: u64) -> EventId {
        self.prefixed(match &self.encoding {
            Encoding::Plain => plain(epoch, sequence),
            #[cfg(feature = "sealed-ids")]
            Encoding::Sealed(seal) => seal.position(epoch, sequence),
        })
    }

    fn prefixed(&self, id: EventId) -> EventId {
        match &self.prefix {
            // Two valid IDs are a valid ID together.
            Some(prefix) => EventId::new(format!("{prefix}{}", id.as_str())).unwrap_or(id),
            None => id,
        }
    }

    /// Returns whether IDs must not show that other subscribers receive events.
    pub(crate) fn are_secret(&self) -> bool {
        !matches!(self.encoding, Encoding::Plain)
    }

    /// Returns the sequence of an ID. `None` if the ID is not valid in this epoch.
    pub(crate) fn parse(&self, epoch: u64, id: &EventId) -> Option<u64> {
        let id = id.as_str();
        let id = match &self.prefix {
            Some(prefix) => id.strip_prefix(&**prefix)?,
            None => id,
        };
        match &self.encoding {
            Encoding::Plain => plain_sequence(epoch, id),
            #[cfg(feature = "sealed-ids")]
            Encoding::Sealed(seal) => seal.open(epoch, id),
        }
    }
}

fn plain(epoch: u64, sequence: u64) -> EventId {
    let id = match epoch {
        0 => sequence.to_string(),
        epoch => format!("{epoch:x}-{sequence}"),
    };
    // A text of these letters and digits is always a valid ID.
    EventId::new(id).unwrap_or_else(|_| EventId::from(sequence))
}

#[expect(clippy::disallowed_methods, reason = "other texts give another ID")]
fn plain_sequence(epoch: u64, text: &str) -> Option<u64> {
    let digits = text.rsplit_once('-').map_or(text, |(_, digits)| digits);
    let sequence = digits.parse().ok()?;
    (plain(epoch, sequence).as_str() == text).then_some(sequence)
}

/// # A note to the next reader
///
/// A sequence is encrypted with AES-GCM-SIV ([RFC 8452](https://www.rfc-editor.org/rfc/rfc8452)): 8 bytes of ciphertext
/// and a tag of 16 bytes, which a guess passes with a probability of 2^-128. This mode stays safe if a nonce is
/// reused, which is needed here: all events have the nonce zero, which is not sent, so that each node gives an event
/// the same ID. Two such IDs only show whether they belong to the same event. A position begins with a random nonce of
/// 12 bytes, so it does not show even that. The epoch is the additional data: an ID does not contain it, and can be
/// decrypted only in the epoch in which it was encrypted.
#[cfg(feature = "sealed-ids")]
mod sealed {
    use core::fmt;
    use std::sync::Arc;

    use crate::EventId;
    use aes_gcm_siv::{Aes128GcmSiv, KeyInit as _, Nonce, Tag, aead::AeadInOut as _};
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    const NONCE_BYTES: usize = 12;
    const SEQUENCE_BYTES: usize = 8;
    const TAG_BYTES: usize = 16;

    #[derive(Clone)]
    pub(super) struct Seal(Arc<Aes128GcmSiv>);

    impl Seal {
        pub(super) fn new(key: [u8; 16]) -> Self {
            Self(Aes128GcmSiv::new(&key.into()).into())
        }

        pub(super) fn event(&self, epoch: u64, sequence: u64) -> EventId {
            let sealed = self.seal([0; NONCE_BYTES], epoch, sequence);
            id(&sealed[NONCE_BYTES..])
        }

        pub(super) fn position(&self, epoch: u64, sequence: u64) -> EventId {
            let mut nonce = [0; NONCE_BYTES];
            // This does not fail on any real system. If it fails, the ID is only as secret as that of an event.
            let _ = getrandom::fill(&mut nonce);
            id(&self.seal(nonce, epoch, sequence))
        }

        pub(super) fn open(&self, epoch: u64, id: &str) -> Option<u64> {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
            let (nonce, sealed) = match bytes.len().checked_sub(SEQUENCE_BYTES + TAG_BYTES)? {
                0 => ([0; NONCE_BYTES], &bytes[..]),
                NONCE_BYTES => (bytes[..NONCE_BYTES].try_into().ok()?, &bytes[NONCE_BYTES..]),
                _ => return None,
            };
            let (sequence, tag) = sealed.split_at(SEQUENCE_BYTES);
            let mut sequence: [u8; SEQUENCE_BYTES] = sequence.try_into().ok()?;
            let tag: [u8; TAG_BYTES] = tag.try_into().ok()?;
            let opened = self.0.decrypt_inout_detached(
                &Nonce::from(nonce),
                &epoch.to_be_bytes(),
                (&mut sequence[..]).into(),
                &Tag::from(tag),
            );
            opened.ok()?;
            Some(u64::from_be_bytes(sequence))
        }

        /// Returns the nonce, the encrypted sequence and the tag.
        fn seal(
            &self,
            nonce: [u8; NONCE_BYTES],
            epoch: u64,
            sequence: u64,
        ) -> [u8; NONCE_BYTES + SEQUENCE_BYTES + TAG_BYTES] {
            let mut sealed = [0; NONCE_BYTES + SEQUENCE_BYTES + TAG_BYTES];
            let mut sequence = sequence.to_be_bytes();
            let tag = self.0.encrypt_inout_detached(
                &Nonce::from(nonce),
                &epoch.to_be_bytes(),
                (&mut sequence[..]).into(),
            );
            // Only texts of 64 GiB fail. The result would be zeros, which cannot be decrypted.
            if let Ok(tag) = tag {
                sealed[..NONCE_BYTES].copy_from_slice(&nonce);
                sealed[NONCE_BYTES..NONCE_BYTES + SEQUENCE_BYTES].copy_from_slice(&sequence);
                sealed[NONCE_BYTES + SEQUENCE_BYTES..].copy_from_slice(&tag);
            }
            sealed
        }
    }

    fn id(bytes: &[u8]) -> EventId {
        // A text of these letters and digits is always a valid ID.
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
    fn plain_ids_have_the_epoch_and_the_sequence() {
        let ids = IdFormat::plain();
        for (epoch, text) in [(0, "17"), (1, "1-17"), (u64::MAX, "ffffffffffffffff-17")] {
            let id = ids.id(epoch, 17);
            assert_eq!(id.as_str(), text);
            assert_eq!(ids.position(epoch, 17), id);
            for other in [0, 1, 17, u64::MAX] {
                assert_eq!(ids.parse(other, &id), (other == epoch).then_some(17));
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
            assert_eq!([ids.parse(0, &id), ids.parse(10, &id)], [None; 2], "{id:?}");
        }
    }

    #[test]
    fn a_prefix_is_a_part_of_each_id() {
        let ids = IdFormat::plain().with_prefix("#").unwrap();
        assert_eq!(ids.id(10, 17).as_str(), "#a-17");
        let [with, without] = ["#a-17", "a-17"].map(|id| EventId::new(id).unwrap());
        assert_eq!(
            [ids.parse(10, &with), ids.parse(10, &without)],
            [Some(17), None]
        );
        assert_eq!(IdFormat::plain().parse(10, &with), None);
        assert!(IdFormat::plain().with_prefix("\n").is_err());
    }

    #[cfg(feature = "sealed-ids")]
    #[test]
    fn sealed_ids_hide_the_sequence_and_cannot_be_forged() {
        let (ids, others) = (IdFormat::sealed([1; 16]), IdFormat::sealed([2; 16]));
        const EPOCH: u64 = 0x5f3a_9c21;
        for sequence in [0, 1, 2, 1 << 40, u64::MAX] {
            let (event, position) = (ids.id(EPOCH, sequence), ids.position(EPOCH, sequence));
            assert_eq!(event, ids.id(EPOCH, sequence));
            assert_ne!(event, ids.id(EPOCH + 1, sequence));
            assert_ne!(position, ids.position(EPOCH, sequence));
            assert_eq!((event.as_str().len(), position.as_str().len()), (32, 48));
            for id in [event, position] {
                assert_eq!(ids.parse(EPOCH, &id), Some(sequence));
                assert_eq!(ids.parse(EPOCH + 1, &id), None);
                assert_eq!(others.parse(EPOCH, &id), None);
                // A change of any character makes the ID invalid.
                for at in 0..id.as_str().len() {
                    let mut forged = id.as_str().to_owned();
                    let other = if &forged[at..=at] == "A" { "B" } else { "A" };
                    forged.replace_range(at..=at, other);
                    assert_eq!(ids.parse(EPOCH, &EventId::new(forged).unwrap()), None);
                }
                for cut in 1..id.as_str().len() {
                    let cut = EventId::new(&id.as_str()[cut..]).unwrap();
                    assert_eq!(ids.parse(EPOCH, &cut), None);
                }
            }
            assert_ne!(
                ids.id(EPOCH, sequence ^ 1).as_str()[..8],
                ids.id(EPOCH, sequence).as_str()[..8]
            );
        }
        for id in ["17", "", "+0000000000000000000000000000000"] {
            assert_eq!(ids.parse(EPOCH, &EventId::new(id).unwrap()), None);
        }
        assert!(!format!("{ids:?}").contains('1'), "the key is not shown");
    }
}
