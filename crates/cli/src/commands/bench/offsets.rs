//! Where the next operation goes.

use super::request::{Pattern, Request};

/// The way of each lane through the image.
pub(super) struct Offsets {
    pattern: Pattern,
    io_size: u64,
    /// How many operations fit one after the other.
    slots: u64,
    /// The next slot of each lane; of all lanes in a full sequence.
    next: Vec<u64>,
}

impl Offsets {
    /// The image must be at least as large as one operation.
    pub(super) fn new(request: &Request, image_size: u64) -> Offsets {
        let slots = (image_size / request.io_size).max(1);
        let lanes = match request.pattern {
            Pattern::Sequential => request.io_threads as u64,
            Pattern::FullSequential | Pattern::Random => 1,
        };
        // Lanes begin at equal distances; all at 0 where there are more of them than slots.
        let next = (0..lanes).map(|lane| slots / lanes * lane).collect();
        Offsets { pattern: request.pattern, io_size: request.io_size, slots, next }
    }

    pub(super) fn next(&mut self, lane: usize, random: impl FnOnce() -> u64) -> u64 {
        let slot = match self.pattern {
            Pattern::Random => random() % self.slots,
            Pattern::Sequential | Pattern::FullSequential => {
                let lane = lane % self.next.len();
                let slot = self.next[lane];
                self.next[lane] = (slot + 1) % self.slots;
                slot
            }
        };
        slot * self.io_size
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::IoType;
    use super::*;
    use crate::args::spec::{ImageSpec, PoolSpec};

    fn offsets(pattern: Pattern, image_size: u64) -> Offsets {
        let at = PoolSpec::default();
        let image = ImageSpec { at, image: "a".to_owned(), snap: None };
        let request = Request {
            image,
            io_type: IoType::Write,
            io_size: 10,
            io_threads: 2,
            io_total: 100,
            pattern,
        };
        Offsets::new(&request, image_size)
    }

    #[test]
    fn lanes_go_their_ways_and_wrap() {
        let mut own = offsets(Pattern::Sequential, 45);
        let visited: Vec<u64> = (0..8).map(|step| own.next(step % 2, || 0)).collect();
        assert_eq!(visited, [0, 20, 10, 30, 20, 0, 30, 10]);
        let mut shared = offsets(Pattern::FullSequential, 30);
        let visited: Vec<u64> = (0..4).map(|step| shared.next(step % 2, || 0)).collect();
        assert_eq!(visited, [0, 10, 20, 0]);
        assert_eq!(offsets(Pattern::Random, 30).next(0, || 7), 10);
    }
}
