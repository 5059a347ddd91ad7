//! Many copyups begun at once on a connection that knows nothing of their sources yet: a few look at
//! theirs and the others wait for their word. Each comes to its end, whatever the sources are, and
//! whether or not somebody waits for it.

use bytes::Bytes;
use futures_util::future::join_all;
use marcot_store::op::{AllZeros, CopyupPiece, SourceReads};
use marcot_store::{Errno, ObjectId, ReadResult, ReadStep, SnapId, Store, WriteOp, WriteStep};
use pollster::block_on;

use super::{cluster, pool, read, write};

const LENGTH: u64 = 1 << 20;
const COUNT: usize = 24;

/// What a source is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Full,
    Sparse,
    /// Every second block: a write for each.
    Fragmented,
    Missing,
}

fn content(kind: Kind, number: usize) -> Vec<u8> {
    let mut data = vec![0; LENGTH as usize];
    let used = |at: usize| match kind {
        Kind::Full => true,
        Kind::Sparse => (700_000..708_000).contains(&at),
        Kind::Fragmented => at / 4096 % 2 == 1,
        Kind::Missing => false,
    };
    for (at, byte) in data.iter_mut().enumerate().filter(|(at, _)| used(*at)) {
        *byte = (number * 29 + at / 4096) as u8 | 1;
    }
    data
}

/// Sources of those kinds, in turn, and objects for their copies.
struct Copies {
    kinds: &'static [Kind],
    sources: Vec<ObjectId>,
    targets: Vec<ObjectId>,
}

impl Copies {
    fn new(store: &dyn Store, name: &str, kinds: &'static [Kind]) -> Copies {
        let objects = |part: &str| -> Vec<ObjectId> {
            let object = |number| format!("marcot-copyups-{name}-{part}-{number}");
            (0..COUNT).map(|number| ObjectId::new(pool(store), "", &*object(number))).collect()
        };
        let copies = Copies { kinds, sources: objects("source"), targets: objects("target") };
        copies.remove(store);
        for (number, source) in copies.sources.iter().enumerate() {
            let data: Bytes = content(copies.kind(number), number).into();
            let offset = 0;
            match copies.kind(number) {
                Kind::Missing => {}
                Kind::Full | Kind::Fragmented => {
                    assert_eq!(write(store, source, WriteStep::Write { offset, data }), Ok(()));
                }
                Kind::Sparse => {
                    let (offset, data) = (696_320, data.slice(696_320..));
                    assert_eq!(write(store, source, WriteStep::Write { offset, data }), Ok(()));
                }
            }
        }
        copies
    }

    fn kind(&self, number: usize) -> Kind {
        self.kinds[number % self.kinds.len()]
    }

    fn copyup(&self, number: usize) -> WriteOp {
        let source = self.sources[number].clone();
        let piece =
            CopyupPiece { source, snap: SnapId::HEAD, source_offset: 0, offset: 0, length: LENGTH };
        let (all_zeros, reads) = (AllZeros::Refuse, SourceReads::Once);
        let step = WriteStep::CopyupFrom { pieces: vec![piece], all_zeros, reads };
        WriteOp::new(vec![step])
    }

    /// Whether a target has what its source has.
    fn is_copied(&self, store: &dyn Store, number: usize) -> bool {
        let whole = ReadStep::Read { offset: 0, length: LENGTH + 1 };
        match read(store, &self.targets[number], whole) {
            Ok(ReadResult::Data(found)) => {
                let mut found = found.to_vec();
                found.resize(LENGTH as usize, 0);
                found == content(self.kind(number), number)
            }
            other => other == Err(Errno::NOENT) && self.kind(number) == Kind::Missing,
        }
    }

    fn remove(&self, store: &dyn Store) {
        for object in self.sources.iter().chain(&self.targets) {
            let _ = write(store, object, WriteStep::Remove);
        }
    }
}

#[test]
fn all_that_begin_at_once_come_to_their_end() {
    let Some(maker) = cluster() else { return };
    for (name, kinds) in [
        ("full", &[Kind::Full][..]),
        ("sparse", &[Kind::Sparse]),
        ("fragmented", &[Kind::Fragmented]),
        ("missing", &[Kind::Missing]),
        ("mixed", &[Kind::Missing, Kind::Full, Kind::Sparse, Kind::Fragmented]),
    ] {
        let copies = Copies::new(&*maker, name, kinds);
        let store = cluster().expect("it is there");
        let begin = |number: usize| store.write(&copies.targets[number], copies.copyup(number));
        let begun: Vec<_> = (0..COUNT).map(begin).collect();
        for (number, outcome) in block_on(join_all(begun)).into_iter().enumerate() {
            let expected = match copies.kind(number) {
                Kind::Missing => Err(Errno::NOENT),
                Kind::Full | Kind::Sparse | Kind::Fragmented => Ok(()),
            };
            assert_eq!(outcome.map(drop).map_err(|error| error.errno), expected, "{name} {number}");
            assert!(copies.is_copied(&*maker, number), "{name} {number}");
        }
        copies.remove(&*maker);
    }
}

#[test]
fn a_connection_ends_after_the_copyups_that_were_begun() {
    let Some(maker) = cluster() else { return };
    for (name, kinds) in [("full-left", &[Kind::Full][..]), ("sparse-left", &[Kind::Sparse])] {
        let copies = Copies::new(&*maker, name, kinds);
        let store = cluster().expect("it is there");
        for number in 0..COUNT {
            drop(store.write(&copies.targets[number], copies.copyup(number)));
        }
        drop(store);
        let copied = (0..COUNT).filter(|number| copies.is_copied(&*maker, *number)).count();
        assert_eq!(copied, COUNT, "{name}");
        copies.remove(&*maker);
    }
}
