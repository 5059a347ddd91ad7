//! Random operations on an engine, compared with plain byte vectors.
//!
//! The model knows no clones, no overlaps, no sharing: a snapshot is a copy of everything. Writers
//! always send the newest snapshot context, as RBD's do. [`Model::apply`] and [`perform`] do the
//! same [`Action`] on either side; [`Model::observe`] tells what the store shows, to be compared
//! as a whole, after each action or after a crash.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_store::op::{AllZeros, CopyupPiece, SourceReads};
use marcot_store::{
    Copyups, Errno, ReadOp, ReadResult, ReadStep, SnapContext, SnapId, StoreError, WriteOp,
    WriteStep,
};

use crate::{Random, Subject};

/// Names that actions work on.
const OBJECTS: [&str; 3] = ["alpha", "beta", "gamma"];
/// Omap keys are single bytes below this, and so are the bytes that writes repeat.
const KEYS: u8 = 5;
/// Objects stay this short, or little more.
const LONGEST: u64 = 40_000;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Write {
        object: usize,
        offset: u64,
        length: u64,
        fill: u8,
    },
    WriteFull {
        object: usize,
        length: u64,
        fill: u8,
    },
    Zero {
        object: usize,
        offset: u64,
        length: u64,
    },
    Truncate {
        object: usize,
        size: u64,
    },
    Remove {
        object: usize,
    },
    SetOmap {
        object: usize,
        key: u8,
        value: u8,
    },
    RemoveOmap {
        object: usize,
        key: u8,
    },
    SetXattr {
        object: usize,
        value: u8,
    },
    CreateSnap,
    /// The n-th of the live snapshots, counted round.
    RemoveSnap {
        nth: usize,
    },
    Rollback {
        object: usize,
        nth: usize,
    },
    /// Takes the source at the n-th live snapshot over into `object`.
    Copyup {
        object: usize,
        source: usize,
        nth: usize,
        shift: u64,
    },
    Flush,
}

impl Action {
    /// Any action; sizes lean to the edges of 4 KiB blocks.
    pub fn random(random: &mut Random) -> Action {
        let object = random.below(OBJECTS.len() as u64) as usize;
        let offset = edge(random, LONGEST);
        let length = edge(random, LONGEST / 2).max(1);
        let fill = random.below(u64::from(KEYS)) as u8;
        let nth = random.below(8) as usize;
        match random.below(24) {
            0..=6 => Action::Write { object, offset, length, fill },
            7 => Action::WriteFull { object, length, fill },
            8..=9 => Action::Zero { object, offset, length },
            10 => Action::Truncate { object, size: offset },
            11 => Action::Remove { object },
            12..=13 => Action::SetOmap { object, key: fill, value: nth as u8 },
            14 => Action::RemoveOmap { object, key: fill },
            15 => Action::SetXattr { object, value: fill },
            16..=17 => Action::CreateSnap,
            18 => Action::RemoveSnap { nth },
            19 => Action::Rollback { object, nth },
            20..=22 => {
                let other = 1 + random.below(OBJECTS.len() as u64 - 1) as usize;
                let source = (object + other) % OBJECTS.len();
                Action::Copyup { object, source, nth, shift: edge(random, 9000) }
            }
            _ => Action::Flush,
        }
    }

    /// One small example of each kind, for exhaustive short sequences.
    pub fn samples() -> Vec<Action> {
        vec![
            Action::Write { object: 0, offset: 0, length: 4096, fill: 1 },
            Action::Write { object: 0, offset: 5000, length: 9000, fill: 2 },
            Action::WriteFull { object: 1, length: 5000, fill: 3 },
            Action::Zero { object: 0, offset: 1000, length: 3096 },
            Action::Truncate { object: 0, size: 2000 },
            Action::Remove { object: 0 },
            Action::SetOmap { object: 0, key: 1, value: 1 },
            Action::CreateSnap,
            Action::RemoveSnap { nth: 0 },
            Action::Rollback { object: 0, nth: 0 },
            Action::Copyup { object: 2, source: 0, nth: 0, shift: 0 },
            Action::Flush,
        ]
    }

    /// What a store is asked to do after it has recovered.
    pub fn afterwards() -> Vec<Action> {
        vec![
            Action::Write { object: 1, offset: 4000, length: 5000, fill: 4 },
            Action::Flush,
            Action::Write { object: 0, offset: 0, length: 4096, fill: 3 },
            Action::CreateSnap,
            Action::Write { object: 0, offset: 100, length: 100, fill: 2 },
        ]
    }

    /// Whether everything acknowledged so far is durable once this is acknowledged.
    pub fn is_durable(&self) -> bool {
        matches!(self, Action::Flush | Action::SetXattr { .. })
    }
}

/// A number up to `bound`, often near a block's edge.
fn edge(random: &mut Random, bound: u64) -> u64 {
    match random.below(3) {
        0 => random.below(bound),
        1 => random.below(bound / 4096 + 1) * 4096,
        _ => (random.below(bound / 4096 + 1) * 4096 + random.below(3)).saturating_sub(1),
    }
}

/// Everything that one object holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    pub data: Vec<u8>,
    pub omap: BTreeMap<u8, u8>,
    pub xattr: Option<u8>,
}

/// Objects by number.
pub type Everything = BTreeMap<usize, Plain>;

/// What a store should hold: now, and at every live snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    pub head: Everything,
    pub snaps: Vec<(SnapId, Everything)>,
    /// The newest snapshot id given, removed ones counted.
    pub seq: SnapId,
}

impl Model {
    /// The context of the next write.
    pub fn context(&self) -> SnapContext {
        SnapContext { seq: self.seq, snaps: self.snaps.iter().rev().map(|(id, _)| *id).collect() }
    }

    fn snap(&self, nth: usize) -> Option<&(SnapId, Everything)> {
        self.snaps.get(nth % self.snaps.len().max(1))
    }

    /// What `action` must make of the model, and whether it must fail. `new_snap` is the id that
    /// the store gave to [`Action::CreateSnap`].
    pub fn apply(&mut self, action: &Action, new_snap: Option<SnapId>) -> Result<(), Errno> {
        match action {
            Action::CreateSnap => {
                let id = new_snap.expect("the store gave an id");
                self.snaps.push((id, self.head.clone()));
                self.seq = id;
            }
            Action::RemoveSnap { nth } if !self.snaps.is_empty() => {
                self.snaps.remove(nth % self.snaps.len());
            }
            Action::Rollback { object, nth } => {
                if let Some((_, then)) = self.snap(*nth) {
                    match then.get(object).cloned() {
                        Some(plain) => self.head.insert(*object, plain),
                        None => self.head.remove(object),
                    };
                }
            }
            Action::Copyup { object, source, nth, shift } => {
                return self.copyup(*object, *source, *nth, *shift);
            }
            Action::RemoveSnap { .. } | Action::Flush => {}
            change => return self.change(change),
        }
        Ok(())
    }

    fn copyup(
        &mut self,
        object: usize,
        source: usize,
        nth: usize,
        shift: u64,
    ) -> Result<(), Errno> {
        let Some((_, then)) = self.snap(nth) else { return Ok(()) };
        if self.head.contains_key(&object) {
            return Ok(());
        }
        let from = then.get(&source).ok_or(Errno::NOENT)?;
        let mut data = from.data.get(shift as usize..).unwrap_or_default().to_vec();
        trim_zeros(&mut data);
        self.head.insert(object, Plain { data, ..Plain::default() });
        Ok(())
    }

    fn change(&mut self, change: &Action) -> Result<(), Errno> {
        match *change {
            Action::Write { object, offset, length, fill } => {
                let data = &mut self.head.entry(object).or_default().data;
                let (from, to) = (offset as usize, (offset + length) as usize);
                data.resize(data.len().max(to), 0);
                data[from..to].fill(fill);
            }
            Action::WriteFull { object, length, fill } => {
                self.head.entry(object).or_default().data = vec![fill; length as usize];
            }
            Action::Zero { object, offset, length } => {
                if let Some(plain) = self.head.get_mut(&object) {
                    let (size, end) = (plain.data.len() as u64, offset + length);
                    match offset {
                        _ if offset >= size => {}
                        _ if end >= size => plain.data.truncate(offset as usize),
                        _ => plain.data[offset as usize..end as usize].fill(0),
                    }
                }
            }
            Action::Truncate { object, size } => {
                if let Some(plain) = self.head.get_mut(&object) {
                    plain.data.resize(size as usize, 0);
                }
            }
            Action::Remove { object } => {
                self.head.remove(&object).ok_or(Errno::NOENT)?;
            }
            Action::SetOmap { object, key, value } => {
                self.head.entry(object).or_default().omap.insert(key, value);
            }
            Action::RemoveOmap { object, key } => {
                self.head.get_mut(&object).ok_or(Errno::NOENT)?.omap.remove(&key);
            }
            Action::SetXattr { object, value } => {
                self.head.entry(object).or_default().xattr = Some(value);
            }
            _ => unreachable!("handled by apply"),
        }
        Ok(())
    }

    /// What `subject` shows of the objects, now and at the model's snapshots; the errno of a read
    /// that fails otherwise than by `ENOENT`.
    pub fn observe(&self, subject: &Subject) -> Result<Model, StoreError> {
        let everything = |snap| {
            let mut found = Everything::new();
            for object in 0..OBJECTS.len() {
                if let Some(plain) = plain_at(subject, object, snap)? {
                    found.insert(object, plain);
                }
            }
            Ok(found)
        };
        let snaps = self.snaps.iter().map(|(snap, _)| Ok((*snap, everything(*snap)?)));
        Ok(Model {
            head: everything(SnapId::HEAD)?,
            snaps: snaps.collect::<Result<_, _>>()?,
            seq: self.seq,
        })
    }

    /// What it holds, in a few words for each object.
    pub fn summary(&self) -> Vec<String> {
        let all =
            self.snaps.iter().map(|(id, then)| (*id, then)).chain([(SnapId::HEAD, &self.head)]);
        let mut lines = Vec::new();
        for (snap, everything) in all {
            for (object, plain) in everything {
                let at =
                    if snap == SnapId::HEAD { "now".to_owned() } else { format!("at {}", snap.0) };
                let mut runs: Vec<(u8, usize)> = Vec::new();
                for byte in &plain.data {
                    match runs.last_mut() {
                        Some((last, length)) if last == byte => *length += 1,
                        _ => runs.push((*byte, 1)),
                    }
                }
                let (name, omap, xattr) = (OBJECTS[*object], &plain.omap, plain.xattr);
                lines.push(format!("{name} {at}: {runs:?}, omap {omap:?}, xattr {xattr:?}"));
            }
        }
        lines
    }

    /// The same with zeros at the end of data cut off: object sizes after a copyup may differ.
    pub fn without_tails(mut self) -> Model {
        let all = self.snaps.iter_mut().map(|(_, then)| then).chain([&mut self.head]);
        for plain in all.flat_map(BTreeMap::values_mut) {
            trim_zeros(&mut plain.data);
        }
        self
    }
}

fn trim_zeros(data: &mut Vec<u8>) {
    let length = data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    data.truncate(length);
}

fn plain_at(subject: &Subject, object: usize, snap: SnapId) -> Result<Option<Plain>, StoreError> {
    let id = subject.object(OBJECTS[object]);
    let op = ReadOp {
        steps: vec![
            ReadStep::Read { offset: 0, length: 8 * LONGEST },
            ReadStep::GetXattrs,
            ReadStep::OmapGet { keys: (0..KEYS).map(one).collect() },
        ],
    };
    let results = match pollster::block_on(subject.store.read(&id, snap, op)) {
        Err(error) if error.errno == Errno::NOENT => return Ok(None),
        results => results?,
    };
    let byte = |bytes: &Bytes| bytes.first().copied().unwrap_or(u8::MAX);
    let mut plain = Plain::default();
    for result in results {
        match result {
            ReadResult::Data(data) => plain.data = data.to_vec(),
            ReadResult::Xattrs(all) => plain.xattr = all.first().map(|(_, value)| byte(value)),
            ReadResult::Omap(page) => {
                plain.omap = page.entries.iter().map(|(k, v)| (byte(k), byte(v))).collect();
            }
            other => panic!("{id} at {snap:?} yielded {other:?}"),
        }
    }
    Ok(Some(plain))
}

fn one(byte: u8) -> Bytes {
    Bytes::copy_from_slice(&[byte])
}

/// The write that `action` is, if it is one that makes sense on `model`.
fn write_of(subject: &Subject, action: &Action, model: &Model) -> Option<(usize, WriteStep)> {
    let fill = |byte: u8, length: u64| Bytes::from(vec![byte; length as usize]);
    Some(match *action {
        Action::Write { object, offset, length, fill: byte } => {
            (object, WriteStep::Write { offset, data: fill(byte, length) })
        }
        Action::WriteFull { object, length, fill: byte } => {
            (object, WriteStep::WriteFull { data: fill(byte, length) })
        }
        Action::Zero { object, offset, length } => (object, WriteStep::Zero { offset, length }),
        Action::Truncate { object, size } => (object, WriteStep::Truncate { size }),
        Action::Remove { object } => (object, WriteStep::Remove),
        Action::SetOmap { object, key, value } => {
            (object, WriteStep::OmapSet { entries: vec![(one(key), one(value))] })
        }
        Action::RemoveOmap { object, key } => {
            (object, WriteStep::OmapRemove { keys: vec![one(key)] })
        }
        Action::SetXattr { object, value } => {
            (object, WriteStep::SetXattr { name: "x".into(), value: one(value) })
        }
        Action::Rollback { object, nth } => {
            (object, WriteStep::Rollback { snap: model.snap(nth)?.0 })
        }
        Action::Copyup { object, source, nth, shift } => {
            let snap = model.snap(nth)?.0;
            let source = subject.object(OBJECTS[source]);
            let length = 4 * LONGEST;
            let piece = CopyupPiece { source, snap, source_offset: shift, offset: 0, length };
            let (all_zeros, reads) = (AllZeros::Create, SourceReads::Again);
            (object, WriteStep::CopyupFrom { pieces: vec![piece], all_zeros, reads })
        }
        Action::CreateSnap | Action::RemoveSnap { .. } | Action::Flush => return None,
    })
}

/// Does `action` on the store. Writes are durable only if
/// [`Action::is_durable`] says so. Yields the new snapshot's id.
pub fn perform(subject: &Subject, action: &Action, model: &Model) -> Result<Option<SnapId>, Errno> {
    let store = &subject.store;
    let done = match action {
        Action::CreateSnap => {
            let id = pollster::block_on(store.create_snap_id(subject.pool));
            return id.map(Some).map_err(|error| error.errno);
        }
        Action::RemoveSnap { nth } => match model.snap(*nth) {
            Some((snap, _)) => pollster::block_on(store.remove_snap_id(subject.pool, *snap)),
            None => Ok(()),
        },
        Action::Flush => pollster::block_on(store.flush()),
        write => match write_of(subject, write, model) {
            Some((object, step)) => {
                let mut op = WriteOp::new(vec![step]).with_snap_context(model.context());
                if !action.is_durable() {
                    op = op.ordered();
                }
                let id = subject.object(OBJECTS[object]);
                pollster::block_on(store.write(&id, op)).map(|_| ())
            }
            None => Ok(()),
        },
    };
    done.map(|()| None).map_err(|error| error.errno)
}

/// Runs `count` random actions on both sides and compares everything after each.
pub fn compare(subject: &Subject, seed: u64, count: usize) {
    let mut random = Random::new(seed);
    let mut model = Model::default();
    let mut done = Vec::new();
    for _ in 0..count {
        let action = Action::random(&mut random);
        if matches!(action, Action::Copyup { .. })
            && subject.store.capabilities().copyup == Copyups::Refused
        {
            continue;
        }
        let outcome = perform(subject, &action, &model);
        done.push(action.clone());
        let expected = model.apply(&action, outcome.ok().flatten());
        let outcome = outcome.map(|_| ());
        assert_eq!(outcome, expected, "seed {seed}, the last of {done:#?}");
        let found = model.observe(subject).expect("reads work");
        let expected = model.clone();
        assert!(
            found.without_tails() == expected.without_tails(),
            "seed {seed}: the store differs from the model after {done:#?}"
        );
    }
}
