//! Which channels an event goes to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    Selection, Selector, Topic, Topics,
    channel::Channel,
    selection::{Pattern, Segment},
};

/// Channels by their ID: many selections may name the same topic.
type Channels = BTreeMap<u64, Arc<Channel>>;

/// All channels that have subscribers. An event is looked up by its topics, so what it costs depends on
/// who hears of it, and not on how many channels or topics there are.
#[derive(Debug, Default)]
pub(crate) struct Index {
    next_id: u64,
    by_selection: HashMap<Selection, Arc<Channel>>,
    exact: HashMap<Topic, Channels>,
    patterns: Node,
}

/// The patterns with the same start.
#[derive(Debug, Default)]
struct Node {
    exact: HashMap<Box<str>, Self>,
    one: Option<Box<Self>>,
    /// Those that end here.
    here: Channels,
    /// Those that end here with `**`.
    rest: Channels,
}

impl Index {
    /// The channel of this selection, a new one if it has none. All events up to `newest` are in the
    /// past.
    pub(crate) fn channel(&mut self, selection: &Selection, newest: u64) -> Arc<Channel> {
        if let Some(channel) = self.by_selection.get(selection) {
            return Arc::clone(channel);
        }
        self.next_id += 1;
        let channel = Arc::new(Channel::new(self.next_id, selection.clone(), newest));
        for selector in selection {
            let channels = match selector {
                Selector::Exact(topic) => self.exact.entry(topic.clone()).or_default(),
                Selector::Pattern(pattern) => self.patterns.place(pattern),
            };
            channels.insert(channel.id, Arc::clone(&channel));
        }
        let selection = selection.clone();
        self.by_selection.insert(selection, Arc::clone(&channel));
        channel
    }

    /// Forgets a channel without subscribers. Two who leave may each be the last one, if another came
    /// between them; by then, there may be a new channel of the same selection.
    pub(crate) fn remove(&mut self, channel: &Channel) {
        let known = self.by_selection.get(&channel.selection);
        if known.is_none_or(|known| known.id != channel.id) {
            return;
        }
        for selector in &channel.selection {
            match selector {
                Selector::Exact(topic) => {
                    if let Some(channels) = self.exact.get_mut(topic) {
                        channels.remove(&channel.id);
                        if channels.is_empty() {
                            self.exact.remove(topic);
                        }
                    }
                }
                Selector::Pattern(pattern) => {
                    self.patterns.remove(&mut pattern.segments(), channel.id);
                }
            }
        }
        self.by_selection.remove(&channel.selection);
        if self.by_selection.is_empty() {
            // The maps keep the room that a crowd has needed.
            *self = Self {
                next_id: self.next_id,
                ..Self::default()
            };
        }
    }

    /// All channels that hear of these topics, each once.
    pub(crate) fn channels(&self, topics: &Topics) -> Vec<Arc<Channel>> {
        let mut found = Vec::new();
        for topic in topics {
            if let Some(channels) = self.exact.get(topic) {
                found.extend(channels.values().cloned());
            }
            self.patterns.find(&mut topic.segments(), &mut found);
        }
        found.sort_unstable_by_key(|channel| channel.id);
        found.dedup_by_key(|channel| channel.id);
        found
    }

    /// All channels.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.by_selection.values()
    }
}

impl Node {
    fn place(&mut self, pattern: &Pattern) -> &mut Channels {
        let mut node = self;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Exact(text) => node.exact.entry(text.into()).or_default(),
                Segment::One => node.one.get_or_insert_default(),
                Segment::Rest => return &mut node.rest,
            };
        }
        &mut node.here
    }

    /// Also the nodes that nothing is left in.
    fn remove<'a>(&mut self, segments: &mut impl Iterator<Item = Segment<'a>>, id: u64) {
        match segments.next() {
            None => {
                self.here.remove(&id);
            }
            Some(Segment::Rest) => {
                self.rest.remove(&id);
            }
            Some(Segment::One) => {
                if let Some(node) = &mut self.one {
                    node.remove(segments, id);
                    if node.is_empty() {
                        self.one = None;
                    }
                }
            }
            Some(Segment::Exact(text)) => {
                if let Some(node) = self.exact.get_mut(text) {
                    node.remove(segments, id);
                    if node.is_empty() {
                        self.exact.remove(text);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.one.is_none() && self.here.is_empty() && self.rest.is_empty()
    }

    fn find<'a>(
        &self,
        segments: &mut (impl Iterator<Item = &'a str> + Clone),
        found: &mut Vec<Arc<Channel>>,
    ) {
        let Some(segment) = segments.next() else {
            found.extend(self.here.values().cloned());
            return;
        };
        found.extend(self.rest.values().cloned());
        if let Some(node) = self.exact.get(segment) {
            node.find(&mut segments.clone(), found);
        }
        if let Some(node) = &self.one {
            node.find(segments, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_is_forgotten_twice_takes_no_other_with_it() {
        let mut index = Index::default();
        let selection = Selection::new(["a", "b/*"]).unwrap();
        let topics = Topics::new(["a", "b/c"]).unwrap();
        let old = index.channel(&selection, 0);
        index.remove(&old);
        assert!(index.channels(&topics).is_empty());
        let new = index.channel(&selection, 0);
        index.remove(&old);
        assert_eq!(index.channels(&topics).len(), 1);
        assert_eq!(index.channel(&selection, 0).id, new.id);
        index.remove(&new);
        assert!(index.channels(&topics).is_empty() && index.all().next().is_none());
    }
}
