//! One version of an object: reading it, and what makes another of it.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use marcot_store::op::CreateMode;
use marcot_store::{
    Errno, ObjectId, ReadOp, ReadResult, ReadStep, SnapId, Store, StoreError, WriteStep,
};

use super::failure::CopyPoolsError;

/// No object of RBD is larger: two to the 25th, and an object map of as many objects as there can
/// be is 61 MiB.
const LARGEST: u64 = 64 << 20;

/// What is read in one operation.
const READ: u64 = 8 << 20;

const OMAP_PAGE: u64 = 1024;

/// What differs within a block is written as the block; a block of zeros is a hole.
const BLOCK: usize = 4096;

/// An object as it is or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) data: Bytes,
    pub(super) xattrs: BTreeMap<String, Bytes>,
    pub(super) omap: BTreeMap<Bytes, Bytes>,
}

/// The object at that snapshot; `None` if it was not there.
pub(super) async fn read(
    store: &dyn Store,
    object: &ObjectId,
    snap: SnapId,
) -> Result<Option<Version>, CopyPoolsError> {
    let first = ReadOp { steps: vec![ReadStep::Stat, ReadStep::GetXattrs, page_after(None)] };
    let results = match store.read(object, snap, first).await {
        Err(error) if error.errno == Errno::NOENT => return Ok(None),
        results => results?,
    };
    let Ok([ReadResult::Stat(stat), ReadResult::Xattrs(xattrs), ReadResult::Omap(page)]) =
        <[ReadResult; 3]>::try_from(results)
    else {
        return Err(unexpected(object));
    };
    if stat.size > LARGEST {
        return Err(CopyPoolsError::TooLarge { object: object.clone(), size: stat.size });
    }
    let data = data(store, object, snap, stat.size).await?;
    let (mut omap, mut more) = (BTreeMap::from_iter(page.entries), page.more);
    while more {
        let after = omap.last_key_value().map(|(key, _)| key.clone());
        let results = store.read(object, snap, ReadOp::single(page_after(after))).await?;
        let Some(ReadResult::Omap(page)) = results.into_iter().next() else {
            return Err(unexpected(object));
        };
        more = page.more && !page.entries.is_empty();
        omap.extend(page.entries);
    }
    Ok(Some(Version { data, xattrs: xattrs.into_iter().collect(), omap }))
}

fn page_after(after: Option<Bytes>) -> ReadStep {
    ReadStep::OmapList { after, prefix: Bytes::new(), max: OMAP_PAGE }
}

async fn data(
    store: &dyn Store,
    object: &ObjectId,
    snap: SnapId,
    size: u64,
) -> Result<Bytes, CopyPoolsError> {
    let mut data = BytesMut::new();
    while (data.len() as u64) < size {
        let offset = data.len() as u64;
        let step = ReadStep::Read { offset, length: READ.min(size - offset) };
        let results = store.read(object, snap, ReadOp::single(step)).await?;
        match results.into_iter().next() {
            Some(ReadResult::Data(bytes)) if !bytes.is_empty() => data.extend_from_slice(&bytes),
            // Shorter than it was a moment ago: the comparison at the end says so.
            _ => break,
        }
    }
    Ok(data.freeze())
}

fn unexpected(object: &ObjectId) -> CopyPoolsError {
    StoreError::new(Errno::IO, format!("read {object} (an answer of another kind)")).into()
}

/// What makes `after` of `before`, in one operation; at least makes sure that the object exists.
pub(super) fn changes(before: Option<&Version>, after: &Version) -> Vec<WriteStep> {
    let empty = Version::default();
    let mut steps = Vec::new();
    if before.is_none() {
        steps.push(WriteStep::Create(CreateMode::IfAbsent));
    }
    let before = before.unwrap_or(&empty);
    data_changes(&before.data, &after.data, &mut steps);
    for name in before.xattrs.keys().filter(|name| !after.xattrs.contains_key(*name)) {
        steps.push(WriteStep::RemoveXattr { name: name.clone() });
    }
    for (name, value) in &after.xattrs {
        if before.xattrs.get(name) != Some(value) {
            steps.push(WriteStep::SetXattr { name: name.clone(), value: value.clone() });
        }
    }
    let gone = before.omap.keys().filter(|key| !after.omap.contains_key(*key));
    let gone: Vec<Bytes> = gone.cloned().collect();
    if !gone.is_empty() {
        steps.push(WriteStep::OmapRemove { keys: gone });
    }
    let new = after.omap.iter().filter(|(key, value)| before.omap.get(*key) != Some(value));
    let entries: Vec<(Bytes, Bytes)> =
        new.map(|(key, value)| (key.clone(), value.clone())).collect();
    if !entries.is_empty() {
        steps.push(WriteStep::OmapSet { entries });
    }
    steps
}

fn data_changes(before: &Bytes, after: &Bytes, steps: &mut Vec<WriteStep>) {
    if before.len() != after.len() {
        steps.push(WriteStep::Truncate { size: after.len() as u64 });
    }
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let mut run: Option<(usize, usize, bool)> = None;
    for start in (0..after.len()).step_by(BLOCK) {
        let end = (start + BLOCK).min(after.len());
        let old = &before[start.min(before.len())..end.min(before.len())];
        let new = &after[start..end];
        let hole = is_zero(new);
        // Bytes beyond the old end are zeros by now.
        let same = old == &new[..old.len()] && is_zero(&new[old.len()..]);
        run = match run {
            Some((from, to, holes)) if !same && to == start && holes == hole => {
                Some((from, end, holes))
            }
            before if same => before,
            before => {
                steps.extend(before.map(|run| step_of(run, after)));
                Some((start, end, hole))
            }
        };
    }
    steps.extend(run.map(|run| step_of(run, after)));
}

fn step_of((from, to, hole): (usize, usize, bool), after: &Bytes) -> WriteStep {
    if hole {
        WriteStep::Zero { offset: from as u64, length: (to - from) as u64 }
    } else {
        WriteStep::Write { offset: from as u64, data: after.slice(from..to) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the steps make of data.
    fn applied(before: &Bytes, steps: &[WriteStep]) -> Vec<u8> {
        let mut data = before.to_vec();
        for step in steps {
            match step {
                WriteStep::Truncate { size } => data.resize(*size as usize, 0),
                WriteStep::Zero { offset, length } => {
                    assert!(*length > 0, "an OSD dies of it");
                    data[*offset as usize..(offset + length) as usize].fill(0);
                }
                WriteStep::Write { offset, data: new } => {
                    data[*offset as usize..*offset as usize + new.len()].copy_from_slice(new);
                }
                other => panic!("{other:?}"),
            }
        }
        data
    }

    /// Blocks of three kinds and a ragged end.
    fn data() -> impl Strategy<Value = Bytes> {
        (proptest::collection::vec(0u8..3, 0..6), 0usize..BLOCK).prop_map(|(blocks, rest)| {
            let mut data: Vec<u8> = blocks.iter().flat_map(|byte| [*byte; BLOCK]).collect();
            data.extend(std::iter::repeat_n(1, rest));
            data.into()
        })
    }

    proptest! {
        #[test]
        fn changes_make_one_version_of_another(before in data(), after in data()) {
            let mut steps = Vec::new();
            data_changes(&before, &after, &mut steps);
            prop_assert_eq!(applied(&before, &steps), after.to_vec());
            let mut none = Vec::new();
            data_changes(&after, &after, &mut none);
            prop_assert!(none.is_empty());
        }
    }

    #[test]
    fn only_what_differs_is_written_and_holes_stay_holes() {
        let before = Bytes::from(vec![1u8; 4 * BLOCK]);
        let mut after = before.to_vec();
        after[BLOCK..2 * BLOCK].fill(0);
        after[3 * BLOCK] = 9;
        let mut steps = Vec::new();
        data_changes(&before, &after.clone().into(), &mut steps);
        let (block, last) = (BLOCK as u64, Bytes::from(after[3 * BLOCK..].to_vec()));
        let expected = [
            WriteStep::Zero { offset: block, length: block },
            WriteStep::Write { offset: 3 * block, data: last },
        ];
        assert_eq!(steps, expected);
    }
}
