use sse_hyper::EventId;

/// How the number of an event becomes its ID.
#[derive(Clone, Debug, Default)]
pub struct Ids(Form);

#[derive(Clone, Debug, Default)]
enum Form {
    #[default]
    Plain,
    #[cfg(feature = "sealed-ids")]
    Sealed(std::sync::Arc<aes::Aes128>),
}

impl Ids {
    /// In decimal digits. They ascend over all topics, so they tell a subscriber how much is published
    /// to others.
    pub fn plain() -> Self {
        Self::default()
    }

    /// As 32 hexadecimal digits that say nothing without this key, and that nobody can make up: for
    /// hubs whose subscribers must not learn from each other's traffic. All nodes need the same key,
    /// and a client that comes with an ID under another one gets a `reset`.
    #[cfg(feature = "sealed-ids")]
    pub fn sealed(key: [u8; 16]) -> Self {
        use aes::cipher::KeyInit as _;

        Self(Form::Sealed(aes::Aes128::new(&key.into()).into()))
    }

    pub(crate) fn id(&self, number: u64) -> EventId {
        match &self.0 {
            Form::Plain => EventId::from(number),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(cipher) => sealed::seal(cipher, number),
        }
    }

    /// The number, if it is an ID of ours.
    pub(crate) fn number(&self, id: &EventId) -> Option<u64> {
        match &self.0 {
            Form::Plain => digits(id.as_str()),
            #[cfg(feature = "sealed-ids")]
            Form::Sealed(cipher) => sealed::open(cipher, id.as_str()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "only digits come as far as that")]
fn digits(text: &str) -> Option<u64> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| are_digits)
}

/// One block of a cipher is all it takes: half of it is the number, and half is zero. Of the blocks
/// that somebody makes up, one in 2^64 opens to that.
#[cfg(feature = "sealed-ids")]
mod sealed {
    use aes::{
        Aes128, Block,
        cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _},
    };
    use sse_hyper::EventId;

    pub(super) fn seal(cipher: &Aes128, number: u64) -> EventId {
        let mut block = Block::from(u128::from(number).to_be_bytes());
        cipher.encrypt_block(&mut block);
        let digits = format!("{:032x}", u128::from_be_bytes(block.into()));
        // Digits cannot fail to be an ID.
        EventId::new(digits).unwrap_or_else(|_| EventId::from(number))
    }

    pub(super) fn open(cipher: &Aes128, id: &str) -> Option<u64> {
        let is_ours = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if id.len() != 32 || !id.bytes().all(is_ours) {
            return None;
        }
        let mut block = Block::from(u128::from_str_radix(id, 16).ok()?.to_be_bytes());
        cipher.decrypt_block(&mut block);
        u64::try_from(u128::from_be_bytes(block.into())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ones_are_digits() {
        let ids = Ids::plain();
        assert_eq!(ids.id(17).as_str(), "17");
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
            let id = ids.id(number);
            assert_eq!(ids.number(&id), Some(number));
            assert_eq!(others.number(&id), None);
            assert_ne!(ids.id(number ^ 1).as_str()[..8], id.as_str()[..8]);
            let mut forged = id.as_str().to_owned();
            let last = if forged.ends_with('0') { "1" } else { "0" };
            forged.replace_range(31.., last);
            assert_eq!(ids.number(&EventId::new(forged).unwrap()), None);
            let shouted = EventId::new(id.as_str().to_uppercase()).unwrap();
            assert!(id == shouted || ids.number(&shouted).is_none());
        }
        for id in ["17", "", "+0000000000000000000000000000000"] {
            assert_eq!(ids.number(&EventId::new(id).unwrap()), None);
        }
    }
}
