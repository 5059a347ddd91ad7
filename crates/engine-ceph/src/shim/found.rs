//! What the shim's operations find, as numbers and bytes: `shim/rados_shim.cc` says which.

use bytes::Bytes;
use marcot_store::op::OmapPage;
use marcot_store::watch::Watcher;
use marcot_store::{
    ClientAddress, ClientId, CloneInfo, Errno, Result, SnapId, SnapSet, StoreError, WatchHandle,
};

use super::FILE;

/// The numbers and bytes that an operation found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(super) numbers: Vec<u64>,
    pub(super) bytes: Bytes,
}

/// The numbers of an answer, one after the other. That they are there is the shim's to keep; a
/// wrong build of it must not make us read beyond them.
struct Numbers<'a>(std::slice::Iter<'a, u64>);

impl Numbers<'_> {
    fn next(&mut self) -> Result<u64> {
        self.0.next().copied().ok_or_else(unreadable)
    }

    /// A count of things of which each takes `each` numbers.
    fn count(&mut self, each: usize) -> Result<usize> {
        let count = usize::try_from(self.next()?).map_err(|_| unreadable())?;
        match count.checked_mul(each) {
            Some(needed) if needed <= self.0.len() => Ok(count),
            _ => Err(unreadable()),
        }
    }

    fn has_more(&self) -> bool {
        self.0.len() > 0
    }
}

fn unreadable() -> StoreError {
    StoreError::new(Errno::BADMSG, format!("{FILE} answers what cannot be read"))
}

impl Found {
    fn numbers(&self) -> Numbers<'_> {
        Numbers(self.numbers.iter())
    }

    /// Splits the first `length` bytes off.
    fn split(&mut self, length: u64) -> Result<Bytes> {
        let length = usize::try_from(length).map_err(|_| unreadable())?;
        if length > self.bytes.len() {
            return Err(unreadable());
        }
        Ok(self.bytes.split_to(length))
    }

    /// `seq`, then for each clone (the head counted): id, size, how many snapshots, how many
    /// ranges, the snapshots, the ranges.
    pub(crate) fn snap_set(&self) -> Result<SnapSet> {
        let mut numbers = self.numbers();
        let mut set = SnapSet { seq: SnapId(numbers.next()?), ..SnapSet::default() };
        while numbers.has_more() {
            let (id, size) = (SnapId(numbers.next()?), numbers.next()?);
            let (snaps, ranges) = (numbers.count(1)?, numbers.count(2)?);
            let snaps = (0..snaps).map(|_| numbers.next().map(SnapId)).collect::<Result<_>>()?;
            let overlap = (0..ranges)
                .map(|_| Ok((numbers.next()?, numbers.next()?)))
                .collect::<Result<_>>()?;
            match id {
                SnapId::HEAD => set.head_size = Some(size),
                id => set.clones.push(CloneInfo { id, snaps, size, overlap }),
            }
        }
        Ok(set)
    }

    /// The object's size, how many grains of it were looked at, how many of them are zeros.
    pub(crate) fn looked_at(&self) -> Result<[u64; 3]> {
        let mut numbers = self.numbers();
        Ok([numbers.next()?, numbers.next()?, numbers.next()?])
    }

    /// How many bytes a copyup has brought.
    pub(crate) fn brought(&self) -> Result<u64> {
        self.numbers().next()
    }

    /// For each watcher: client, handle, time-out in seconds, length of its address.
    pub(crate) fn watchers(mut self) -> Result<Vec<Watcher>> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut numbers = Numbers(numbers.iter());
        let mut watchers = Vec::new();
        while numbers.has_more() {
            let (client, handle) = (ClientId(numbers.next()?), WatchHandle(numbers.next()?));
            let timeout_seconds = u32::try_from(numbers.next()?).map_err(|_| unreadable())?;
            let address = self.split(numbers.next()?)?;
            let address = ClientAddress(String::from_utf8_lossy(&address).into_owned());
            watchers.push(Watcher { client, address, handle, timeout_seconds });
        }
        Ok(watchers)
    }

    /// For each run: offset, length.
    pub(crate) fn extents(mut self) -> Result<Vec<(u64, Bytes)>> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut numbers = Numbers(numbers.iter());
        let mut extents = Vec::new();
        while numbers.has_more() {
            let offset = numbers.next()?;
            let data = self.split(numbers.next()?)?;
            if !data.is_empty() {
                extents.push((offset, data));
            }
        }
        Ok(extents)
    }

    /// Whether there is more, then for each pair: length of the key, length of the value.
    pub(crate) fn omap_page(mut self) -> Result<OmapPage> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut numbers = Numbers(numbers.iter());
        let more = numbers.next()? != 0;
        let mut entries = Vec::new();
        while numbers.has_more() {
            entries.push((self.split(numbers.next()?)?, self.split(numbers.next()?)?));
        }
        Ok(OmapPage { entries, more })
    }
}
