//! Copying and comparing one object.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::header;
use marcot_format::object_name::image_id_of_header;
use marcot_format::wire::Decode as _;
use marcot_store::{Errno, ObjectId, SnapId, SnapSet, Store, StoreError, WriteOp, WriteStep};

use super::content::{self, Version};
use super::failure::CopyPoolsError;
use super::history::{self, Content};
use super::records::{self, PoolMap};
use super::snap_ids::SnapIds;

/// An object and its copy.
pub(super) struct Pair<'a> {
    pub(super) from: &'a dyn Store,
    pub(super) to: &'a dyn Store,
    pub(super) source: &'a ObjectId,
    pub(super) target: ObjectId,
    pub(super) map: &'a PoolMap,
    pub(super) ids: &'a SnapIds,
}

/// The clones of an object, of none if it is not there.
async fn snaps(store: &dyn Store, object: &ObjectId) -> Result<SnapSet, StoreError> {
    match store.list_snaps(object).await {
        Err(error) if error.errno == Errno::NOENT => {
            Ok(SnapSet { seq: SnapId(0), clones: Vec::new(), head_size: None })
        }
        set => set,
    }
}

impl Pair<'_> {
    /// Makes the copy, or what is missing of it.
    pub(super) async fn copy(&self) -> Result<(), CopyPoolsError> {
        let set = snaps(self.from, self.source).await?;
        let there = snaps(self.to, &self.target).await?;
        let steps = history::steps(&set);
        let taken = history::taken(&set, &there);
        // Equal in shape says nothing of an omap, and only data have clones.
        let single = set.clones.is_empty() && there.clones.is_empty();
        let taken = if single { 0 } else { taken.ok_or_else(|| self.not_ours())? };
        let mut version = match taken.checked_sub(1).map(|last| steps[last].content) {
            _ if single => content::read(self.to, &self.target, SnapId::HEAD).await?,
            Some(Content::At(snap)) => self.version(snap).await?,
            Some(Content::Same) => self.version(SnapId::HEAD).await?,
            Some(Content::Absent) | None => None,
        };
        for step in &steps[taken..] {
            self.ids.reach(self.to, self.target.pool, step.context.seq).await?;
            let next = match step.content {
                Content::At(snap) => self.version(snap).await?,
                Content::Absent => None,
                Content::Same => version.clone(),
            };
            let changes = match (&version, &next) {
                (before, Some(after)) => {
                    let mut changes = content::changes(before.as_ref(), after);
                    // Equal bytes can be two versions: what makes the clone is that they are written.
                    if changes.is_empty() && there.seq < set.seq {
                        changes.push(WriteStep::Truncate { size: after.data.len() as u64 });
                    }
                    changes
                }
                (Some(_), None) => vec![WriteStep::Remove],
                (None, None) => Vec::new(),
            };
            if !changes.is_empty() {
                let op = WriteOp::new(changes).with_snap_context(step.context.clone()).ordered();
                self.to.write(&self.target, op).await?;
            }
            version = next;
        }
        self.reach_snapshots_of(version.as_ref()).await
    }

    /// An image that had a snapshot removed has seen ids that no object may know.
    async fn reach_snapshots_of(&self, version: Option<&Version>) -> Result<(), CopyPoolsError> {
        let Some(version) = version.filter(|_| image_id_of_header(&self.source.name).is_some())
        else {
            return Ok(());
        };
        let number = |key: &str| {
            let value = version.omap.get(key.as_bytes())?;
            u64::from_bytes(value).ok()
        };
        let pool = match number(header::DATA_POOL_ID) {
            Some(pool) if pool.cast_signed() >= 0 => marcot_store::PoolId(pool.cast_signed()),
            _ => self.target.pool,
        };
        let seen = SnapId(number(header::SNAP_SEQ).unwrap_or(0));
        Ok(self.ids.reach(self.to, pool, seen).await?)
    }

    /// Compares every version of both.
    pub(super) async fn compare(&self) -> Result<(), CopyPoolsError> {
        let differs = |what| CopyPoolsError::Differs { object: self.source.clone(), what };
        let set = snaps(self.from, self.source).await?;
        let there = snaps(self.to, &self.target).await?;
        let steps = history::steps(&set);
        if history::taken(&set, &there) != Some(steps.len()) {
            return Err(differs("its snapshots"));
        }
        for step in steps {
            let Content::At(snap) = step.content else { continue };
            let (wanted, found) =
                (self.version(snap).await?, content::read(self.to, &self.target, snap).await?);
            match (wanted, found) {
                (Some(wanted), Some(found)) if wanted.data != found.data => {
                    return Err(differs("its data"));
                }
                (Some(wanted), Some(found)) if wanted.xattrs != found.xattrs => {
                    return Err(differs("its attributes"));
                }
                (Some(wanted), Some(found)) if wanted.omap != found.omap => {
                    return Err(differs("its omap"));
                }
                (Some(_), Some(_)) | (None, None) => {}
                (Some(_), None) | (None, Some(_)) => return Err(differs("whether it exists")),
            }
        }
        Ok(())
    }

    fn not_ours(&self) -> CopyPoolsError {
        CopyPoolsError::NotOurs { object: self.target.clone() }
    }

    /// The source at a snapshot, in the words of the other store.
    async fn version(&self, snap: SnapId) -> Result<Option<Version>, CopyPoolsError> {
        let Some(here) = content::read(self.from, self.source, snap).await? else {
            return Ok(None);
        };
        let refused = |refused: records::Refused| refused.on(self.source);
        let mut omap: BTreeMap<Bytes, Bytes> = BTreeMap::new();
        for pair in here.omap {
            let lookup = &mut |pool| self.map.id(pool);
            let (key, value) = records::pair(&self.source.name, pair, lookup).map_err(refused)?;
            omap.insert(key, value);
        }
        let mut xattrs = BTreeMap::new();
        for (name, value) in here.xattrs {
            let value = records::attribute(&name, value).map_err(refused)?;
            xattrs.insert(name, value);
        }
        Ok(Some(Version { data: here.data, xattrs, omap }))
    }
}
