use super::step::{LastEventId, Place, Step};
use crate::chunk::Chunk;

/// Positions of the values in a block, relative to its start.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// Empty if the block has no type.
    pub(super) event_type: (usize, usize),
    pub(super) data: (usize, usize),
    pub(super) id: Option<(usize, usize)>,
    /// End of the block.
    pub(super) end: usize,
}

impl Whole {
    /// Takes the block from the chunk.
    #[inline(always)]
    pub(super) fn dispatch(
        &self,
        chunk: &mut Chunk<'_>,
        last_event_id: &mut impl LastEventId,
    ) -> Step {
        let block = chunk.at;
        if let Some((start, end)) = self.id {
            last_event_id.commit(&chunk.rest()[start..end]);
        }
        chunk.at += self.end;
        let place = |(start, end)| Place::Chunk(block + start, block + end);
        Step::Event {
            event_type: Some(self.event_type)
                .filter(|(start, end)| start < end)
                .map(place),
            data: place(self.data),
        }
    }
}
