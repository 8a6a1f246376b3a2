//! Where threads lie: a table from the hash of a name to the number of an entry.

use super::hot::{Slot, Tag};
use super::memory::{prefetch, want_large_pages};

/// Places of a new table.
const PLACES_MIN: usize = 1 << 10;

/// An open table of eight bytes a place, so that a look-up reads one cache line where a table with a side array of
/// marks reads two. At most five of eight places are taken; a name that is not in its own place is in one of the next.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Upper half: the tag. Lower half: the slot and one. A free place is 0. The length is a power of two.
    places: Vec<u64>,
    len: usize,
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first slot under a tag that is the right one.
    #[inline]
    pub(super) fn find(&self, tag: Tag, mut is_it: impl FnMut(Slot) -> bool) -> Option<Slot> {
        let mask = self.places.len().checked_sub(1)?;
        let mut at = tag as usize & mask;
        loop {
            let place = self.places[at];
            if place == 0 {
                return None;
            }
            if tag_of(place) == tag && is_it(slot_of(place)) {
                return Some(slot_of(place));
            }
            at = (at + 1) & mask;
        }
    }

    /// Asks for what [`Self::find`] reads first.
    #[inline]
    pub(super) fn prefetch(&self, tag: Tag) {
        let mask = self.places.len().wrapping_sub(1);
        if let Some(place) = self.places.get(tag as usize & mask) {
            prefetch(place);
        }
    }

    /// Takes in a slot that is not there yet.
    pub(super) fn insert(&mut self, tag: Tag, slot: Slot) {
        if (self.len + 1) * 8 > self.places.len() * 5 {
            let larger = vec![0; (self.places.len() * 2).max(PLACES_MIN)];
            want_large_pages(&larger);
            for place in std::mem::replace(&mut self.places, larger) {
                if place != 0 {
                    self.put(place);
                }
            }
        }
        self.put(place_of(tag, slot));
        self.len += 1;
    }

    fn put(&mut self, place: u64) {
        let mask = self.places.len() - 1;
        let mut at = tag_of(place) as usize & mask;
        while self.places[at] != 0 {
            at = (at + 1) & mask;
        }
        self.places[at] = place;
    }

    /// Takes a slot out, and moves up those that stood behind it because of it. False when it is not under that tag.
    pub(super) fn remove(&mut self, tag: Tag, slot: Slot) -> bool {
        let Some(mask) = self.places.len().checked_sub(1) else {
            return false;
        };
        let place = place_of(tag, slot);
        let mut free = tag as usize & mask;
        while self.places[free] != place {
            if self.places[free] == 0 {
                return false;
            }
            free = (free + 1) & mask;
        }
        self.len -= 1;
        let mut at = free;
        loop {
            at = (at + 1) & mask;
            let place = self.places[at];
            if place == 0 {
                break;
            }
            // How far each is behind the place it wants: one that is no further than the free place stays.
            let wanted = tag_of(place) as usize & mask;
            if at.wrapping_sub(wanted) & mask >= at.wrapping_sub(free) & mask {
                self.places[free] = place;
                free = at;
            }
        }
        self.places[free] = 0;
        true
    }
}

/// What stands in a place that is taken.
fn place_of(tag: Tag, slot: Slot) -> u64 {
    u64::from(tag) << 32 | (u64::from(slot) + 1)
}

/// The tag of a place.
fn tag_of(place: u64) -> Tag {
    (place >> 32) as Tag
}

/// The slot of a place that is taken; no slot of a free one.
fn slot_of(place: u64) -> Slot {
    (place as u32).wrapping_sub(1)
}
