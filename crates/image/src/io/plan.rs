//! What a request means for one object: decided here, purely, before anything is sent.
//!
//! Overlaps are counted within the object: how many of its first bytes show the parent while the
//! object does not exist.

use crate::extents::ObjectExtent;

/// What is known of an object before it is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// A trusted object map says that there is none.
    Absent,
    /// It may or may not exist: a map may overstate, and there may be none.
    Unknown,
}

/// What of an image a plan depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectSituation {
    pub(crate) existence: Existence,
    /// In bytes, from the object's start.
    pub(crate) overlap: u64,
    /// Of a whole object, in bytes.
    pub(crate) object_size: u64,
    pub(crate) has_snapshots: bool,
}

/// Where to read a piece of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadStep {
    /// Nobody has it.
    Zero,
    /// From the image's own object; when that is not there, as `otherwise` says.
    Object { otherwise: Missing },
    /// Only ancestors can have it.
    Parent,
}

/// What to read instead of an object that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Zero,
    Parent,
}

/// How to bring a change to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteStep {
    /// Send it.
    Send,
    /// Send it for an existing object; copy the parent up first if there is none.
    Guarded,
    /// Copy the parent up first: the object does not exist.
    Copyup,
}

/// What a discard does to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiscardStep {
    /// There is nothing to discard.
    Skip,
    /// Remove the object.
    Remove,
    /// Leave an empty object, which hides the parent's.
    Hide,
    /// Cut the object, brought to it like a write.
    Truncate(WriteStep),
    /// Zero the range, brought to it like a write.
    Zero(WriteStep),
}

pub(crate) fn plan_read(situation: ObjectSituation, piece: ObjectExtent) -> ReadStep {
    let from_parent = piece.offset < situation.overlap;
    match (situation.existence, from_parent) {
        (Existence::Absent, false) => ReadStep::Zero,
        (Existence::Absent, true) => ReadStep::Parent,
        (Existence::Unknown, false) => ReadStep::Object { otherwise: Missing::Zero },
        (Existence::Unknown, true) => ReadStep::Object { otherwise: Missing::Parent },
    }
}

/// For a write, or any change that leaves the rest of the object as it reads now.
pub(crate) fn plan_write(situation: ObjectSituation, piece: ObjectExtent) -> WriteStep {
    let whole = piece.offset == 0 && piece.length >= situation.object_size;
    if situation.overlap == 0 || (whole && !situation.has_snapshots) {
        return WriteStep::Send;
    }
    match situation.existence {
        Existence::Absent => WriteStep::Copyup,
        Existence::Unknown => WriteStep::Guarded,
    }
}

pub(crate) fn plan_discard(situation: ObjectSituation, piece: ObjectExtent) -> DiscardStep {
    if situation.overlap == 0 && situation.existence == Existence::Absent {
        return DiscardStep::Skip;
    }
    let to_the_end = piece.end() >= situation.object_size;
    match (piece.offset, to_the_end) {
        (0, true) if situation.overlap == 0 => DiscardStep::Remove,
        (0, true) => DiscardStep::Hide,
        (_, true) => DiscardStep::Truncate(plan_write(situation, piece)),
        (_, false) => DiscardStep::Zero(plan_write(situation, piece)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: u64 = 16;

    /// An object as bytes: what its own object holds, if any, over what the parent shows.
    #[derive(Clone, Debug)]
    struct Model {
        own: Option<Vec<u8>>,
        parent: Vec<u8>,
    }

    impl Model {
        fn reads(&self) -> Vec<u8> {
            let mut bytes = self.own.clone().unwrap_or_else(|| self.parent.clone());
            bytes.resize(SIZE as usize, 0);
            bytes
        }

        fn bring(&mut self, how: WriteStep, change: impl Fn(&mut Vec<u8>)) {
            let fill = match how {
                WriteStep::Send => Vec::new(),
                WriteStep::Guarded | WriteStep::Copyup => self.parent.clone(),
            };
            let mut bytes = self.own.clone().unwrap_or(fill);
            bytes.resize(SIZE as usize, 0);
            change(&mut bytes);
            self.own = Some(bytes);
        }
    }

    fn situations() -> impl Strategy<Value = (Model, ObjectSituation, ObjectExtent)> {
        let own = proptest::option::of(proptest::collection::vec(1u8..9, SIZE as usize));
        let parent = proptest::collection::vec(10u8..19, 0..=SIZE as usize);
        (own, parent, 0..SIZE, 1..=SIZE, any::<bool>(), any::<bool>()).prop_map(
            |(own, parent, offset, length, known, has_snapshots)| {
                let existence =
                    if own.is_none() && known { Existence::Absent } else { Existence::Unknown };
                let situation = ObjectSituation {
                    existence,
                    overlap: parent.len() as u64,
                    object_size: SIZE,
                    has_snapshots,
                };
                let length = length.min(SIZE - offset);
                (Model { own, parent }, situation, ObjectExtent { object: 0, offset, length })
            },
        )
    }

    fn range(piece: ObjectExtent) -> std::ops::Range<usize> {
        piece.offset as usize..piece.end() as usize
    }

    proptest! {
        #[test]
        fn reads_find_the_bytes((model, situation, piece) in situations()) {
            let found = match (plan_read(situation, piece), &model.own) {
                (ReadStep::Zero, _) => Vec::new(),
                (ReadStep::Object { .. }, Some(own)) => own.clone(),
                (ReadStep::Object { otherwise: Missing::Zero }, None) => Vec::new(),
                (ReadStep::Object { otherwise: Missing::Parent } | ReadStep::Parent, _) => {
                    model.parent.clone()
                }
            };
            let mut found = found;
            found.resize(SIZE as usize, 0);
            prop_assert_eq!(&found[range(piece)], &model.reads()[range(piece)]);
        }

        #[test]
        fn writes_keep_the_rest((mut model, situation, piece) in situations()) {
            let mut expected = model.reads();
            expected[range(piece)].fill(99);
            model.bring(plan_write(situation, piece), |bytes| bytes[range(piece)].fill(99));
            prop_assert_eq!(model.reads(), expected);
        }

        #[test]
        fn discards_read_as_zeros((mut model, situation, piece) in situations()) {
            let mut expected = model.reads();
            expected[range(piece)].fill(0);
            match plan_discard(situation, piece) {
                DiscardStep::Skip => {}
                DiscardStep::Remove => model.own = None,
                DiscardStep::Hide => model.own = Some(Vec::new()),
                DiscardStep::Truncate(how) => {
                    model.bring(how, |bytes| bytes.truncate(piece.offset as usize));
                }
                DiscardStep::Zero(how) => model.bring(how, |bytes| bytes[range(piece)].fill(0)),
            }
            prop_assert_eq!(model.reads(), expected);
        }
    }
}
