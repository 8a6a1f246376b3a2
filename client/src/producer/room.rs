//! Bounds of what waits: so many messages, so many bytes.

use tokio::sync::Semaphore;

/// The room for messages that were taken and have no outcome yet.
#[derive(Debug)]
pub(super) struct Room {
    messages: Semaphore,
    bytes: Semaphore,
    pub(super) messages_max: usize,
    pub(super) bytes_max: usize,
}

/// The part of the room that one message takes up, in bytes. To be given back to [`Room::give_back`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bytes: u32,
}

impl Room {
    pub(super) fn new(messages_max: usize, bytes_max: usize) -> Self {
        Self {
            messages: Semaphore::new(messages_max),
            bytes: Semaphore::new(bytes_max),
            messages_max,
            bytes_max,
        }
    }

    /// What a message of that size takes up: all there is, for one that is larger.
    fn taken_by(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.clamp(1, self.bytes_max)).unwrap_or(u32::MAX)
    }

    /// Waits for room, in the order of the calls. `None` once the room is closed.
    pub(super) async fn wait(&self, bytes: usize) -> Option<Place> {
        let bytes = self.taken_by(bytes);
        let message = self.messages.acquire().await.ok()?;
        let of_bytes = self.bytes.acquire_many(bytes).await.ok()?;
        message.forget();
        of_bytes.forget();
        Some(Place { bytes })
    }

    /// Takes room if there is some now.
    pub(super) fn take(&self, bytes: usize) -> Option<Place> {
        let bytes = self.taken_by(bytes);
        let message = self.messages.try_acquire().ok()?;
        let of_bytes = self.bytes.try_acquire_many(bytes).ok()?;
        message.forget();
        of_bytes.forget();
        Some(Place { bytes })
    }

    /// A message turned out smaller than it was taken for.
    pub(super) fn shrink(&self, place: &mut Place, bytes: usize) {
        let bytes = self.taken_by(bytes);
        if bytes < place.bytes {
            self.bytes.add_permits((place.bytes - bytes) as usize);
            place.bytes = bytes;
        }
    }

    /// So many messages with so many bytes have their outcomes.
    pub(super) fn give_back(&self, messages: usize, bytes: usize) {
        self.messages.add_permits(messages);
        self.bytes.add_permits(bytes);
    }

    /// Ends all waiting for room.
    pub(super) fn close(&self) {
        self.messages.close();
        self.bytes.close();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_bounds_hold_and_nothing_is_lost_at_either() {
        let room = Room::new(2, 100);
        assert_eq!(room.take(60).unwrap().bytes, 60);
        assert!(room.take(60).is_none());
        let mut second = room.take(40).unwrap();
        assert!(room.take(1).is_none(), "two messages");
        room.shrink(&mut second, 10);
        room.shrink(&mut second, 90);
        assert_eq!(second.bytes, 10);
        room.give_back(1, 60);
        assert!(room.take(91).is_none());
        assert_eq!(room.take(90).unwrap().bytes, 90);
    }

    #[test]
    fn a_message_larger_than_all_the_room_takes_all_of_it() {
        let room = Room::new(2, 100);
        assert_eq!(room.take(1_000).unwrap().bytes, 100);
        assert!(room.take(1).is_none());
    }

    #[tokio::test]
    async fn who_waits_gets_room_when_it_is_given_back() {
        let room = Room::new(1, 100);
        let first = room.take(100).unwrap();
        let (second, ()) = tokio::join!(room.wait(50), async { room.give_back(1, first.bytes as usize) });
        assert_eq!(second.unwrap().bytes, 50);
        room.close();
        assert!(room.wait(1).await.is_none());
    }
}
