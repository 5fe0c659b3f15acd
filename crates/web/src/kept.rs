//! Bytes of answers that are kept until they can be looked through, and the room that they take
//! up. There is so much of it for one caller, and so much for all: who asks for many long answers
//! at once takes nothing from others.

use crate::room::Room;
use portreeve_session::Unmaskable;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Room is taken in such steps; what is shorter takes none.
const STEP_BYTES: usize = 64 << 10;

/// The rooms that bytes take up place in: a caller's, and that of all.
#[derive(Clone, Debug, Default)]
pub struct Rooms(Arc<[Room]>);

impl Rooms {
    /// Of these.
    #[must_use]
    pub fn new(rooms: impl IntoIterator<Item = Room>) -> Self {
        Self(rooms.into_iter().collect())
    }
}

/// The room that something takes up; it is given back with this.
#[derive(Debug, Default)]
pub struct Place(Vec<OwnedSemaphorePermit>);

/// Bytes, and their room.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    rooms: Rooms,
    place: Place,
    /// For how many bytes there is room.
    taken_bytes: usize,
}

impl Kept {
    /// Nothing yet.
    pub(crate) fn within(rooms: Rooms) -> Self {
        Self { rooms, ..Self::default() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// More of it.
    pub(crate) fn extend(&mut self, data: &[u8]) -> Result<(), Unmaskable> {
        self.make_room(self.bytes.len() + data.len())?;
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// One byte more.
    pub(crate) fn push(&mut self, byte: u8) -> Result<(), Unmaskable> {
        if self.bytes.len() >= STEP_BYTES {
            self.make_room(self.bytes.len() + 1)?;
        }
        self.bytes.push(byte);
        Ok(())
    }

    fn make_room(&mut self, bytes: usize) -> Result<(), Unmaskable> {
        while bytes > STEP_BYTES && self.taken_bytes < bytes {
            let step = u32::try_from(STEP_BYTES).unwrap_or(u32::MAX);
            for room in self.rooms.0.iter() {
                self.place.0.push(room.take(step).ok_or_else(crowded)?);
            }
            self.taken_bytes += STEP_BYTES;
        }
        Ok(())
    }

    /// Forgets all of it.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if self.taken_bytes > 0 {
            self.bytes = Vec::new();
            self.taken_bytes = 0;
            self.place = Place::default();
        }
    }

    /// Takes the first bytes out; what is left keeps the room of all.
    pub(crate) fn take_first(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(count.min(self.bytes.len()));
        let first = std::mem::replace(&mut self.bytes, rest);
        if self.bytes.len() <= STEP_BYTES {
            self.taken_bytes = 0;
            self.place = Place::default();
        }
        first
    }

    /// Takes all of it out. The room is kept until it is given back with this.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Puts other bytes in the place of those that were taken out.
    pub(crate) fn put(&mut self, bytes: Vec<u8>) -> Result<(), Unmaskable> {
        self.make_room(bytes.len())?;
        self.bytes = bytes;
        Ok(())
    }

    /// The room of what was taken out.
    pub(crate) fn into_place(self) -> Place {
        self.place
    }
}

fn crowded() -> Unmaskable {
    let why = "too much of answers waits to be looked through at once: ask for fewer at a time";
    Unmaskable(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_takes_room_and_gives_it_back() {
        let (own, all) = (Room::new(4 * STEP_BYTES), Room::new(6 * STEP_BYTES));
        let rooms = Rooms::new([own.clone(), all.clone()]);
        let mut first = Kept::within(rooms.clone());
        first.extend(&[0; 100]).unwrap();
        assert_eq!(own.left(), 4 * STEP_BYTES);
        first.extend(&vec![0; 3 * STEP_BYTES]).unwrap();
        assert_eq!((own.left(), all.left()), (0, 2 * STEP_BYTES));
        let mut second = Kept::within(rooms);
        assert!(second.extend(&vec![0; 2 * STEP_BYTES]).is_err());
        let mut other = Kept::within(Rooms::new([all.clone()]));
        for _ in 0..2 * STEP_BYTES {
            other.push(0).unwrap();
        }
        assert_eq!(all.left(), 0);
        let taken = first.take();
        assert_eq!((taken.len(), own.left()), (3 * STEP_BYTES + 100, 0));
        drop((first.into_place(), second, other));
        assert_eq!((own.left(), all.left()), (4 * STEP_BYTES, 6 * STEP_BYTES));
    }
}
