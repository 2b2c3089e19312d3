//! Limits of the streams that one client has at a time.

use core::{hash::Hash, net::IpAddr};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::StatusCode;
use sse_mercure::AccessToken;

use crate::hub::response::{Refusal, RefusalKind};

/// Number of open streams by the address and by the subject of their clients.
pub(crate) struct ClientLimits {
    addresses: Option<Counters<IpAddr>>,
    subjects: Option<Counters<Subject>>,
}

/// Subject of a token. Two issuers may give different clients the same subject.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Subject {
    issuer: String,
    subject: String,
}

/// Streams that a client has, which are counted until this is dropped.
#[derive(Default)]
pub(crate) struct CountedStream {
    _address: Option<Counted<IpAddr>>,
    _subject: Option<Counted<Subject>>,
}

impl ClientLimits {
    /// Creates limits without open streams. `None` is no limit.
    pub(crate) fn new(per_address: Option<usize>, per_subject: Option<usize>) -> Self {
        Self {
            addresses: per_address.map(Counters::new),
            subjects: per_subject.map(Counters::new),
        }
    }

    /// Returns whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.addresses.is_some() || self.subjects.is_some()
    }

    /// Counts a stream. `None` if there is nothing to count.
    ///
    /// # Errors
    ///
    /// Status 429 if the client has too many.
    pub(crate) fn count(
        &self,
        address: Option<IpAddr>,
        token: Option<&AccessToken>,
    ) -> Result<Option<CountedStream>, Refusal> {
        let mut stream = CountedStream::default();
        if let (Some(addresses), Some(address)) = (&self.addresses, address) {
            stream._address = Some(addresses.count(network(address), "address")?);
        }
        if let (Some(subjects), Some(token)) = (&self.subjects, token)
            && let Some(subject) = &token.subject
        {
            let subject = Subject {
                issuer: token.issuer.clone(),
                subject: subject.clone(),
            };
            stream._subject = Some(subjects.count(subject, "subject")?);
        }
        let is_counted = stream._address.is_some() || stream._subject.is_some();
        Ok(is_counted.then_some(stream))
    }
}

/// Returns the address that counts for a limit. A client with IPv6 has a network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(network.into())
        }
    }
}

/// Number of streams of each key. A key without streams takes no memory.
#[derive(Clone)]
struct Counters<K> {
    limit: usize,
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Clone + Eq + Hash> Counters<K> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            counts: Arc::default(),
        }
    }

    fn count(&self, key: K, name: &str) -> Result<Counted<K>, Refusal> {
        let mut counts = self.lock();
        let count = counts.entry(key.clone()).or_default();
        if *count >= self.limit {
            let reason = format_args!("limit of {} streams for one {name} is reached", self.limit);
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, reason);
            return Err(refusal.with_kind(RefusalKind::TooMany));
        }
        *count += 1;
        Ok(Counted {
            counts: self.clone(),
            key,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        // A change is a single operation.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stream that is counted until this is dropped.
struct Counted<K: Clone + Eq + Hash> {
    counts: Counters<K>,
    key: K,
}

impl<K: Clone + Eq + Hash> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_an_address_are_counted_until_they_end() {
        let limits = ClientLimits::new(Some(2), None);
        let count = |address: &str| {
            #[expect(clippy::disallowed_methods, reason = "an address of the test")]
            let address = address.parse().unwrap();
            limits.count(Some(address), None)
        };
        let first = count("10.0.0.1").unwrap();
        let second = count("::ffff:10.0.0.1").unwrap();
        let Err(refusal) = count("10.0.0.1") else {
            panic!("the limit is not reached");
        };
        assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(count("10.0.0.2").unwrap().is_some());
        drop(first);
        assert!(count("10.0.0.1").is_ok());
        drop(second);
        let _network = [count("2001:db8::1").unwrap(), count("2001:db8::2").unwrap()];
        assert!(count("2001:db8::3").is_err() && count("2001:db8:0:1::1").is_ok());
        drop(_network);
        assert!(limits.addresses.as_ref().unwrap().lock().is_empty());
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        let limits = ClientLimits::new(None, None);
        let address = Some(IpAddr::from([10, 0, 0, 1]));
        assert!(limits.count(address, None).unwrap().is_none());
    }
}
