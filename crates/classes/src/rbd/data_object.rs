//! Data objects: copying up from a parent, and giving zeros back.

use marcot_format::call::data_object::{AssertSnapcSeq, Copyup, SparseCopyup, Sparsify};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;
use marcot_store::op::CreateMode;

use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<AssertSnapcSeq>(),
    Entry::of::<Copyup>(),
    Entry::of::<SparseCopyup>(),
    Entry::of::<Sparsify>(),
];

fn exists(object: &mut dyn ObjectContext) -> Result<bool, Errno> {
    match object.stat() {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

impl Method for AssertSnapcSeq {
    /// An object that does not exist has seen less than any snapshot.
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let newer = object.snapset_seq().is_none_or(|seen| self.snap_seq > seen.0);
        let holds = match self.state {
            0 => newer,
            1 => !newer,
            _ => return Err(Errno::OPNOTSUPP),
        };
        if holds { Ok(()) } else { Err(Errno::RANGE) }
    }
}

impl Method for Copyup {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if exists(object)? {
            return Ok(());
        }
        object.create(CreateMode::Exclusive)?;
        if self.data.is_empty() { Ok(()) } else { object.write(0, &self.data) }
    }
}

impl Method for SparseCopyup {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if exists(object)? {
            return Ok(());
        }
        object.create(CreateMode::Exclusive)?;
        let mut data = self.data.as_slice();
        for (offset, length) in self.extents {
            let length = usize::try_from(length).map_err(|_| Errno::INVAL)?;
            let (extent, rest) = data.split_at_checked(length).ok_or(Errno::INVAL)?;
            object.write(offset, extent)?;
            data = rest;
        }
        Ok(())
    }
}

impl Method for Sparsify {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.sparse_size == 0 {
            return Err(Errno::INVAL);
        }
        let size = object.stat()?.size;
        let data = object.read(0, size)?;
        let used = data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if used == 0 && self.remove_empty {
            return object.remove();
        }
        let granule = usize::try_from(self.sparse_size).map_err(|_| Errno::INVAL)?;
        let kept = used.checked_next_multiple_of(granule).unwrap_or(data.len()).min(data.len());
        if kept < data.len() {
            object.truncate(kept as u64)?;
        }
        for (number, chunk) in (0u64..).zip(data[..kept].chunks(granule)) {
            if chunk.iter().all(|byte| *byte == 0) {
                object.zero(number * self.sparse_size, chunk.len() as u64)?;
            }
        }
        Ok(())
    }
}
