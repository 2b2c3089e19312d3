//! Groups: the subscribers of the same events, which one waker wakes together.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use slab::Slab;

use crate::signals::{Signal, Signals, Target};

/// All groups of an event loop.
pub(crate) struct Groups {
    signals: Arc<Signals>,
    groups: Slab<Group>,
    by_channel: HashMap<u64, usize>,
    /// Groups with new events, of which not all subscribers have had their turn.
    active: VecDeque<usize>,
}

/// Subscribers of one channel of a hub.
struct Group {
    channel: u64,
    signal: Arc<Signal>,
    waker: Waker,
    members: Vec<u32>,
    /// Index of the member that has the next turn. Turns are in the order in which the members joined, which is mostly
    /// that of their memory, here and in the kernel.
    next: usize,
    is_active: bool,
}

impl Groups {
    pub(crate) fn new(signals: Arc<Signals>) -> Self {
        Self {
            signals,
            groups: Slab::new(),
            by_channel: HashMap::new(),
            active: VecDeque::new(),
        }
    }

    /// Adds a subscriber to the group of a channel. Returns its position and the waker of the group.
    pub(crate) fn join(&mut self, channel: u64, stream: usize) -> ((u32, u32), Waker) {
        let key = *self.by_channel.entry(channel).or_insert_with(|| {
            let entry = self.groups.vacant_entry();
            let signal = Signal::new(&self.signals, Target::Group(entry.key()));
            let key = entry.key();
            entry.insert(Group {
                channel,
                waker: Waker::from(Arc::clone(&signal)),
                signal,
                members: Vec::new(),
                next: 0,
                is_active: false,
            });
            key
        });
        let group = &mut self.groups[key];
        group.members.push(to_u32(stream));
        let position = (to_u32(key), to_u32(group.members.len() - 1));
        (position, group.waker.clone())
    }

    /// Removes the subscriber at this position. Returns the subscriber that is there now, if there is one. Its turn may
    /// be lost, so the caller gives it one.
    pub(crate) fn leave(&mut self, (key, index): (u32, u32)) -> Option<usize> {
        let (key, index) = (key as usize, index as usize);
        let group = self.groups.get_mut(key)?;
        group.members.swap_remove(index);
        let moved = group.members.get(index).map(|key| *key as usize);
        if group.members.is_empty() {
            let group = self.groups.remove(key);
            self.by_channel.remove(&group.channel);
            if self.groups.is_empty() {
                self.groups = Slab::new();
                self.by_channel = HashMap::new();
            }
        } else if group.members.capacity() > 4 * group.members.len().max(16) {
            group.members.shrink_to(2 * group.members.len());
        }
        moved
    }

    /// Starts the turns of all subscribers of a group, because there are new events.
    pub(crate) fn activate(&mut self, key: usize) {
        let Some(group) = self.groups.get_mut(key) else {
            return;
        };
        group.signal.handled();
        group.next = 0;
        if !group.is_active {
            group.is_active = true;
            self.active.push_back(key);
        }
    }

    /// Returns the key of the next subscriber whose turn it is.
    pub(crate) fn next_key(&mut self) -> Option<usize> {
        loop {
            let key = *self.active.front()?;
            let group = self.groups.get_mut(key).filter(|group| group.is_active);
            if let Some(group) = group {
                if let Some(key) = group.members.get(group.next) {
                    group.next += 1;
                    return Some(*key as usize);
                }
                group.is_active = false;
            }
            self.active.pop_front();
        }
    }

    /// Lets the next group continue before this one does.
    pub(crate) fn rotate(&mut self) {
        if self.active.len() > 1 {
            self.active.rotate_left(1);
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.active.is_empty()
    }
}

fn to_u32(index: usize) -> u32 {
    // There are fewer subscribers than file descriptors.
    u32::try_from(index).unwrap_or(u32::MAX)
}
