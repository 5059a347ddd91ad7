//! Which writes wait for the one before them: decided here, purely, before anything is sent.
//!
//! A write waits only behind a write to the same object that is on its way and ends where this one
//! begins, and only while enough is on its way to keep the cluster busy. What waits goes as one
//! operation: when all before it has ended, when there is room, or when anything else is asked of the
//! object. So operations on an object keep their order, and none waits for another object alone.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::ops::Range;

use marcot_store::ObjectId;

/// From so many bytes on their way on, what goes on is gathered.
const BUSY_BYTES: u64 = 4 << 20;
/// From so many operations on their way to one object on, too: OSDs do them one after the other.
const BUSY_OPERATIONS: usize = 4;
/// No operation is gathered beyond so many bytes.
const LARGEST_BYTES: u64 = 4 << 20;

/// Writes to one object that are sent as one operation, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch<P> {
    pub(super) parts: Vec<P>,
    pub(super) bytes: u64,
}

/// The objects that large writes are on their way to. `T` is what writes must agree in to go
/// together, `P` what is sent of each.
#[derive(Debug)]
pub(super) struct Streams<T, P> {
    objects: HashMap<ObjectId, Stream<T, P>>,
    bytes_on_way: u64,
    /// Of which writes wait, in the order in which the first of each came.
    waiting: VecDeque<ObjectId>,
}

#[derive(Debug)]
struct Stream<T, P> {
    target: T,
    /// Where a write that goes on begins.
    end: u64,
    on_way: usize,
    waiting: Batch<P>,
}

impl<T, P> Default for Streams<T, P> {
    fn default() -> Streams<T, P> {
        Streams { objects: HashMap::new(), bytes_on_way: 0, waiting: VecDeque::new() }
    }
}

impl<P> Batch<P> {
    fn empty() -> Batch<P> {
        Batch { parts: Vec::new(), bytes: 0 }
    }
}

impl<T: PartialEq, P> Streams<T, P> {
    /// A write of `range` of `object`. Yields what is to be sent now, in this order; each of that
    /// has to be [`Streams::ended`] once. Nothing when the write waits.
    pub(super) fn arrive(
        &mut self,
        object: &ObjectId,
        target: T,
        range: Range<u64>,
        part: P,
    ) -> Vec<Batch<P>> {
        let bytes = range.end - range.start;
        if self.waits(object, &target, &range) {
            let stream = self.objects.get_mut(object).expect("something is on its way to it");
            stream.end = range.end;
            if stream.waiting.parts.is_empty() {
                self.waiting.push_back(object.clone());
            }
            stream.waiting.parts.push(part);
            stream.waiting.bytes += bytes;
            return Vec::new();
        }
        let mut sent: Vec<Batch<P>> = self.release(object).into_iter().collect();
        let on_way = self.objects.get(object).map_or(0, |stream| stream.on_way);
        let stream = Stream { target, end: range.end, on_way, waiting: Batch::empty() };
        self.objects.insert(object.clone(), stream);
        sent.push(self.send(object, Batch { parts: vec![part], bytes }));
        sent
    }

    fn waits(&self, object: &ObjectId, target: &T, range: &Range<u64>) -> bool {
        let Some(stream) = self.objects.get(object) else { return false };
        let goes_on = stream.end == range.start && stream.target == *target;
        let busy = self.bytes_on_way >= BUSY_BYTES || stream.on_way >= BUSY_OPERATIONS;
        let bytes = stream.waiting.bytes + (range.end - range.start);
        // What waits is sent when what is before it has ended.
        debug_assert!(stream.on_way > 0, "nothing is on its way");
        goes_on && busy && bytes <= LARGEST_BYTES
    }

    /// A batch of `bytes` to `object` has ended. Yields what is to be sent now, and where to.
    pub(super) fn ended(&mut self, object: &ObjectId, bytes: u64) -> Vec<(ObjectId, Batch<P>)> {
        self.bytes_on_way -= bytes;
        let stream = self.objects.get_mut(object).expect("it was on its way");
        stream.on_way -= 1;
        let mut sent = Vec::new();
        if stream.on_way == 0 {
            match self.release(object) {
                Some(batch) => sent.push((object.clone(), batch)),
                None => drop(self.objects.remove(object)),
            }
        }
        while self.bytes_on_way < BUSY_BYTES {
            let has_room = |object: &&ObjectId| self.objects[*object].on_way < BUSY_OPERATIONS;
            let Some(next) = self.waiting.iter().find(has_room).cloned() else { break };
            let batch = self.release(&next).expect("some of it wait");
            sent.push((next, batch));
        }
        sent
    }

    /// What waits for `object`, to be sent now: something else is asked of it, or it is time.
    pub(super) fn release(&mut self, object: &ObjectId) -> Option<Batch<P>> {
        let stream = self.objects.get_mut(object)?;
        if stream.waiting.parts.is_empty() {
            return None;
        }
        let batch = mem::replace(&mut stream.waiting, Batch::empty());
        self.waiting.retain(|other| other != object);
        Some(self.send(object, batch))
    }

    /// Whether any write waits.
    pub(super) fn any_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn send(&mut self, object: &ObjectId, batch: Batch<P>) -> Batch<P> {
        self.objects.get_mut(object).expect("its stream is there").on_way += 1;
        self.bytes_on_way += batch.bytes;
        batch
    }
}

#[cfg(test)]
mod tests {
    use marcot_store::PoolId;
    use proptest::prelude::*;

    use super::*;

    const KIB: u64 = 1 << 10;

    fn object(number: u8) -> ObjectId {
        ObjectId::new(PoolId(1), "", format!("object-{number}"))
    }

    fn sizes<P>(batches: &[Batch<P>]) -> Vec<usize> {
        batches.iter().map(|batch| batch.parts.len()).collect()
    }

    #[test]
    fn what_goes_on_is_gathered_behind_four_operations() {
        let mut streams = Streams::default();
        let mut arrive = |number: u64| {
            let range = number * 64 * KIB..(number + 1) * 64 * KIB;
            sizes(&streams.arrive(&object(0), (), range, number))
        };
        assert!((0..4).all(|number| arrive(number) == [1]));
        assert!((4..10).all(|number| arrive(number).is_empty()));
        let sent = streams.ended(&object(0), 64 * KIB);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].1, Batch { parts: (4..10).collect(), bytes: 6 * 64 * KIB });
        assert!(!streams.any_waiting());
    }

    #[test]
    fn large_ones_wait_when_enough_is_on_its_way_anywhere() {
        let mut streams = Streams::default();
        let mut arrive = |number, start, end| {
            sizes(&streams.arrive(&object(number), (), start * KIB..end * KIB, ()))
        };
        assert_eq!(arrive(0, 0, 4096), [1]);
        assert_eq!(arrive(1, 0, 512), [1], "it goes on where nothing ends");
        assert_eq!(arrive(1, 512, 1024), [0; 0]);
        assert_eq!(arrive(1, 2048, 4096), [1, 1], "what waits goes before");
        assert_eq!(arrive(1, 4096, 8192), [0; 0]);
        assert_eq!(arrive(1, 8192, 8193), [1, 1], "no more than so much together");
        assert_eq!(arrive(1, 8193, 8194), [0; 0]);
        let mut ended = |number, kib| streams.ended(&object(number), kib * KIB).len();
        assert_eq!(ended(1, 512), 0);
        assert_eq!(ended(1, 512), 0, "too much is on its way still");
        assert_eq!(ended(0, 4096), 0);
        assert_eq!(ended(1, 4096), 1, "there is room again");
    }

    #[test]
    fn only_what_agrees_goes_together() {
        let mut streams = Streams::default();
        let mut arrive = |target, number: u64| {
            let range = number * 64 * KIB..(number + 1) * 64 * KIB;
            sizes(&streams.arrive(&object(0), target, range, ()))
        };
        assert!((0..4).all(|number| arrive('a', number) == [1]));
        assert_eq!(arrive('a', 4), [0; 0]);
        assert_eq!(arrive('b', 5), [1, 1]);
        assert_eq!(arrive('b', 6), [0; 0]);
    }

    #[derive(Clone, Debug)]
    enum Event {
        /// Goes on where the last one to the object ended, or not.
        Write {
            object: u8,
            target: bool,
            goes_on: bool,
            length: u64,
        },
        Other {
            object: u8,
        },
        End {
            which: usize,
        },
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let write = (0..3u8, prop::bool::weighted(0.9), prop::bool::weighted(0.9), 1..2000u64);
        let event = prop_oneof![
            6 => write.prop_map(|(object, target, goes_on, kib)| {
                Event::Write { object, target, goes_on, length: kib * KIB }
            }),
            1 => (0..3u8).prop_map(|object| Event::Other { object }),
            4 => any::<usize>().prop_map(|which| Event::End { which }),
        ];
        prop::collection::vec(event, 0..120)
    }

    /// A write as it was asked for.
    #[derive(Clone, Debug, PartialEq)]
    struct Asked {
        object: u8,
        target: bool,
        range: Range<u64>,
    }

    #[derive(Default)]
    struct World {
        streams: Streams<bool, Asked>,
        asked: Vec<Asked>,
        sent: Vec<Asked>,
        on_way: Vec<(ObjectId, u64)>,
    }

    impl World {
        fn send(&mut self, object: &ObjectId, batch: Batch<Asked>) {
            let follow = |pair: &[Asked]| {
                pair[0].range.end == pair[1].range.start && pair[0].target == pair[1].target
            };
            assert!(batch.parts.windows(2).all(follow), "{batch:?}");
            assert!(batch.parts.len() == 1 || batch.bytes <= LARGEST_BYTES);
            self.on_way.push((object.clone(), batch.bytes));
            self.sent.extend(batch.parts);
        }

        fn happen(&mut self, event: Event) {
            match event {
                Event::Write { object: number, target, goes_on, length } => {
                    let last = self.asked.iter().rev().find(|asked| asked.object == number);
                    let end = last.map_or(0, |asked| asked.range.end);
                    let start = if goes_on { end } else { end + KIB };
                    let asked = Asked { object: number, target, range: start..start + length };
                    self.asked.push(asked.clone());
                    let object = object(number);
                    for batch in self.streams.arrive(&object, target, asked.range.clone(), asked) {
                        self.send(&object, batch);
                    }
                }
                Event::Other { object: number } => {
                    let object = object(number);
                    if let Some(batch) = self.streams.release(&object) {
                        self.send(&object, batch);
                    }
                    assert_eq!(self.of(number, &self.asked), self.of(number, &self.sent));
                }
                Event::End { which } if !self.on_way.is_empty() => {
                    let (object, bytes) = self.on_way.remove(which % self.on_way.len());
                    for (object, batch) in self.streams.ended(&object, bytes) {
                        self.send(&object, batch);
                    }
                }
                Event::End { .. } => {}
            }
        }

        fn of(&self, number: u8, all: &[Asked]) -> Vec<Asked> {
            all.iter().filter(|asked| asked.object == number).cloned().collect()
        }
    }

    proptest! {
        #[test]
        fn all_is_sent_once_and_in_order(events in events()) {
            let mut world = World::default();
            events.into_iter().for_each(|event| world.happen(event));
            while !world.on_way.is_empty() {
                world.happen(Event::End { which: 0 });
            }
            prop_assert!(!world.streams.any_waiting());
            prop_assert!(world.streams.objects.is_empty());
            prop_assert_eq!(world.streams.bytes_on_way, 0);
            for number in 0..3 {
                prop_assert_eq!(world.of(number, &world.asked), world.of(number, &world.sent));
            }
        }
    }
}
