//! Which channels an event goes to.
//!
//! # A note to the next reader
//!
//! Clients choose selections, and all of them are in here, under a lock that all events wait for. So what
//! a selector costs must not depend on how it looks: each is one entry of 40 bytes, found by the digest of
//! its text. There is no tree of segments.
//!
//! - **A topic** is looked up by its own digest.
//! - **Patterns** have forms: how many segments, and which of them are wildcards. Of each form, a topic
//!   matches at most one pattern: the one whose other segments are its own. So a topic is looked up once for
//!   each form that some pattern has now, by a digest that is put together from those of its segments.
//!   Patterns have few segments and few wildcards so that there are few forms: a topic of N segments is looked
//!   up less than 2^(N+1) times, and never more than 9400 times.
//! - Maps are B-trees, because they give memory back as entries go, and never stop to move all entries.
//! - Digests are computed before the lock is taken.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Selection, Selector, Topic, Topics,
    channel::Channel,
    digest::{Digest, Digester},
    selection::{MAX_SEGMENTS, Pattern, Segment},
    topic::SEPARATOR,
};

/// All channels that have subscribers. An event is looked up by its topics, so what it costs depends on
/// who hears of it, and not on how many channels or topics there are.
#[derive(Debug, Default)]
pub(crate) struct Index {
    next_id: u64,
    by_selection: BTreeMap<Digest, Arc<Channel>>,
    /// By the selector and the ID of the channel: many selections may have the same selector.
    by_selector: BTreeMap<(Digest, u64), Arc<Channel>>,
    /// Only the forms that there are.
    forms: BTreeMap<Form, OfForm>,
}

/// The entries of the patterns of one form.
#[derive(Debug, Default)]
struct OfForm {
    count: usize,
    /// A bit for the last six bits of each digest that there was: most patterns that are not there are
    /// known by it. A bit stays until all entries have left.
    filter: u64,
}

/// Keys of a selection in the index. They are computed before the lock is taken.
#[derive(Debug)]
pub(crate) struct Keys {
    selection: Digest,
    selectors: Vec<Key>,
}

/// Key of a selector in the index.
#[derive(Debug)]
struct Key {
    digest: Digest,
    /// `None` for an exact topic.
    form: Option<Form>,
}

/// Where the wildcards of a pattern are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    /// It ends with `**`.
    is_open: bool,
    /// The number of segments, without the `**`.
    length: u8,
    /// The segments that are `*`, a bit for each.
    stars: u16,
}

impl Index {
    /// The channel of this selection, a new one if it has none. All events up to `newest` are in the
    /// past.
    pub(crate) fn channel(
        &mut self,
        selection: &Selection,
        keys: &Keys,
        newest: u64,
    ) -> Arc<Channel> {
        if let Some(channel) = self.by_selection.get(&keys.selection) {
            return Arc::clone(channel);
        }
        self.next_id += 1;
        let channel = Arc::new(Channel::new(self.next_id, selection.clone(), newest));
        for key in &keys.selectors {
            let place = (key.digest, channel.id);
            self.by_selector.insert(place, Arc::clone(&channel));
            if let Some(form) = key.form {
                let entries = self.forms.entry(form).or_default();
                entries.count += 1;
                entries.filter |= key.digest.bit();
            }
        }
        self.by_selection
            .insert(keys.selection, Arc::clone(&channel));
        channel
    }

    /// Forgets a channel without subscribers, which has these keys. Two subscribers that leave may each be
    /// the last one, if another came between them; by then, there may be a new channel of the same selection.
    pub(crate) fn remove(&mut self, channel: &Channel, keys: &Keys) {
        let known = self.by_selection.get(&keys.selection);
        if known.is_none_or(|known| known.id != channel.id) {
            return;
        }
        for key in &keys.selectors {
            self.by_selector.remove(&(key.digest, channel.id));
            if let Some(form) = key.form
                && let Some(entries) = self.forms.get_mut(&form)
            {
                entries.count -= 1;
                if entries.count == 0 {
                    self.forms.remove(&form);
                }
            }
        }
        self.by_selection.remove(&keys.selection);
    }

    /// All channels that hear of these topics, each once.
    pub(crate) fn channels(&self, topics: &Topics, digester: &Digester) -> Vec<Arc<Channel>> {
        let mut found = Vec::new();
        for topic in topics {
            self.find(exact(topic, digester), &mut found);
            self.find_patterns(topic, digester, &mut found);
        }
        found.sort_unstable_by_key(|channel| channel.id);
        found.dedup_by_key(|channel| channel.id);
        found
    }

    /// All channels.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.by_selection.values()
    }

    fn find(&self, selector: Digest, found: &mut Vec<Arc<Channel>>) {
        let entries = self.by_selector.range((selector, 0)..=(selector, u64::MAX));
        found.extend(entries.map(|(_, channel)| Arc::clone(channel)));
    }

    fn find_patterns(&self, topic: &Topic, digester: &Digester, found: &mut Vec<Arc<Channel>>) {
        if self.forms.is_empty() {
            return;
        }
        let segments = Segments::new(topic.as_str(), digester);
        let closed = self.forms.range(Form::closed(segments.count));
        let open = self.forms.range(Form::open(segments.count));
        for (form, entries) in closed.chain(open) {
            let digest = form.digest(&segments);
            if entries.filter & digest.bit() != 0 {
                self.find(digest, found);
            }
        }
    }
}

impl Keys {
    pub(crate) fn new(selection: &Selection, digester: &Digester) -> Self {
        let key = |selector: &Selector| match selector {
            Selector::Exact(topic) => Key {
                digest: exact(topic, digester),
                form: None,
            },
            Selector::Pattern(pattern) => {
                let form = Form::of(pattern);
                let segments = Segments::new(pattern.as_str(), digester);
                Key {
                    digest: form.digest(&segments),
                    form: Some(form),
                }
            }
        };
        let selectors: Vec<_> = selection.iter().map(key).collect();
        // They are in order, so equal selections give equal digests.
        let digests: Vec<_> = selectors.iter().map(|key| key.digest).collect();
        Self {
            selection: digester.digest(digests),
            selectors,
        }
    }
}

fn exact(topic: &Topic, digester: &Digester) -> Digest {
    digester.digest(topic.as_str())
}

/// The digests of the first segments of a text, each with its place.
struct Segments {
    digests: [Digest; MAX_SEGMENTS],
    /// Number of all segments.
    count: usize,
}

impl Segments {
    fn new(text: &str, digester: &Digester) -> Self {
        let mut this = Self {
            digests: [Digest::default(); MAX_SEGMENTS],
            count: 0,
        };
        for segment in text.split(SEPARATOR) {
            if let Some(digest) = this.digests.get_mut(this.count) {
                *digest = digester.digest((this.count, segment));
            }
            this.count += 1;
        }
        this
    }
}

impl Form {
    fn of(pattern: &Pattern) -> Self {
        let mut form = Self {
            is_open: false,
            length: 0,
            stars: 0,
        };
        for segment in pattern.segments() {
            match segment {
                Segment::Rest => {
                    form.is_open = true;
                    break;
                }
                Segment::One => form.stars |= 1 << form.length,
                Segment::Exact(_) => {}
            }
            form.length += 1;
        }
        form
    }

    /// The forms without `**` that a topic of so many segments matches.
    fn closed(segments: usize) -> core::ops::Range<Self> {
        let length = u8::try_from(segments).unwrap_or(u8::MAX);
        Self::first(false, length)..Self::first(false, length.saturating_add(1))
    }

    /// The forms with `**` that a topic of so many segments matches: `**` stands for one at least.
    fn open(segments: usize) -> core::ops::Range<Self> {
        let length = u8::try_from(segments).unwrap_or(u8::MAX);
        Self::first(true, 0)..Self::first(true, length)
    }

    fn first(is_open: bool, length: u8) -> Self {
        Self {
            is_open,
            length,
            stars: 0,
        }
    }

    /// The digest of the pattern of this form that has these segments where it has no wildcards.
    ///
    /// Each segment is digested with its place, so patterns that differ in one differ in all bits; those
    /// that do not, differ in the form.
    fn digest(self, segments: &Segments) -> Digest {
        let form =
            u64::from(self.stars) << 16 | u64::from(self.length) << 8 | u64::from(self.is_open);
        let mut digest = Digest(form, 0);
        let segments = segments.digests.iter().take(usize::from(self.length));
        for (place, segment) in segments.enumerate() {
            // All ones, or nothing where there is a star.
            let mask = (u64::from(self.stars >> place) & 1).wrapping_sub(1);
            digest.0 ^= segment.0 & mask;
            digest.1 ^= segment.1 & mask;
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::MAX_STARS;

    #[test]
    fn a_topic_is_looked_up_for_few_forms() {
        let mut forms = Vec::new();
        for is_open in [false, true] {
            for length in 0..=MAX_SEGMENTS as u8 - u8::from(is_open) {
                let stars = (0..1_u32 << length).filter(|it| it.count_ones() <= MAX_STARS as u32);
                let stars = stars.filter(|stars| is_open || *stars > 0);
                forms.extend(stars.map(|stars| Form {
                    is_open,
                    length,
                    stars: stars as u16,
                }));
            }
        }
        for segments in 1..300 {
            let (closed, open) = (Form::closed(segments), Form::open(segments));
            let matching = |form: &&Form| closed.contains(form) || open.contains(form);
            let count = forms.iter().filter(matching).count();
            assert!(count <= 9400, "{count} forms for {segments} segments");
            assert!(segments > 10 || count < 1 << (segments + 1));
        }
    }

    #[test]
    fn a_channel_that_is_forgotten_twice_takes_no_other_with_it() {
        let (mut index, digester) = (Index::default(), Digester::default());
        let selection = Selection::from_patterns(["a", "b/*"]).unwrap();
        let keys = Keys::new(&selection, &digester);
        let topics = Topics::new(["a", "b/c"]).unwrap();
        let old = index.channel(&selection, &keys, 0);
        index.remove(&old, &keys);
        assert!(index.channels(&topics, &digester).is_empty());
        let new = index.channel(&selection, &keys, 0);
        index.remove(&old, &keys);
        assert_eq!(index.channels(&topics, &digester).len(), 1);
        assert_eq!(index.channel(&selection, &keys, 0).id, new.id);
        index.remove(&new, &keys);
        assert!(index.channels(&topics, &digester).is_empty() && index.all().next().is_none());
        assert!(index.forms.is_empty() && index.by_selector.is_empty());
    }
}
