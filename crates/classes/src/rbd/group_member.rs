//! What a group's header keeps: its images and its snapshots.

use marcot_format::call::group::{
    GroupImageList, GroupImageRemove, GroupImageSet, GroupSnapGetById, GroupSnapList,
    GroupSnapRemove, GroupSnapSet,
};
use marcot_format::group::{GroupImageSpec, GroupImageStatus, GroupSnapshot, GroupSnapshotState};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 7] = [
    Entry::of::<GroupImageSet>(),
    Entry::of::<GroupImageRemove>(),
    Entry::of::<GroupImageList>(),
    Entry::of::<GroupSnapSet>(),
    Entry::of::<GroupSnapRemove>(),
    Entry::of::<GroupSnapGetById>(),
    Entry::of::<GroupSnapList>(),
];

impl Method for GroupImageSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        omap::set(object, &self.status.spec.key(), &self.status.state)
    }
}

impl Method for GroupImageRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        object.stat()?;
        omap::remove(object, &self.image.key())
    }
}

impl Method for GroupImageList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Vec<GroupImageStatus>, Errno> {
        let prefix = GroupImageSpec::KEY_PREFIX;
        let after = self.after.key();
        let after = after.strip_prefix(prefix).unwrap_or_default();
        let found = omap::list(object, prefix, after, self.max)?;
        let statuses = found.into_iter().map(|(rest, state)| {
            let spec = GroupImageSpec::from_key(&format!("{prefix}{rest}")).ok_or(Errno::IO)?;
            let state = Decode::from_bytes(&state).map_err(|_| Errno::IO)?;
            Ok(GroupImageStatus { spec, state })
        });
        statuses.collect()
    }
}

impl Method for GroupSnapSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let GroupSnapshot { id, name, state, .. } = &self.snapshot;
        if id.is_empty() || name.is_empty() {
            return Err(Errno::INVAL);
        }
        let present = snapshots(object, "", u64::MAX)?;
        if present.iter().any(|other| other.name == *name && other.id != *id) {
            return Err(Errno::EXIST);
        }
        // An incomplete snapshot is the beginning of a new one.
        let known = present.iter().any(|other| other.id == *id);
        if known && *state == GroupSnapshotState::Incomplete {
            return Err(Errno::EXIST);
        }
        omap::set(object, &GroupSnapshot::key(id), &self.snapshot)
    }
}

impl Method for GroupSnapRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        object.stat()?;
        omap::remove(object, &GroupSnapshot::key(&self.id))
    }
}

impl Method for GroupSnapGetById {
    fn run(self, object: &mut dyn ObjectContext) -> Result<GroupSnapshot, Errno> {
        omap::value(object, &GroupSnapshot::key(&self.id))
    }
}

impl Method for GroupSnapList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Vec<GroupSnapshot>, Errno> {
        snapshots(object, &self.after.id, self.max)
    }
}

fn snapshots(
    object: &mut dyn ObjectContext,
    after: &str,
    max: u64,
) -> Result<Vec<GroupSnapshot>, Errno> {
    omap::list(object, GroupSnapshot::KEY_PREFIX, after, max)?
        .iter()
        .map(|(_, value)| GroupSnapshot::from_bytes(value).map_err(|_| Errno::IO))
        .collect()
}
