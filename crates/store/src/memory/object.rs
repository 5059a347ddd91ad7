//! One object with its clones, and the two ways to touch it: read at a snapshot, commit a write.

use std::collections::BTreeMap;

use super::body::Body;
use super::transaction::Transaction;
use crate::op::Timestamp;
use crate::snapset::{ClonePlan, Source, commit_write, resolve, trim};
use crate::{SnapId, SnapSet, Version};

/// Invariant: `head` is there exactly when `set.head_size` is, and `clones` exactly as in the set.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    pub(super) set: SnapSet,
    pub(super) head: Option<Body>,
    clones: BTreeMap<SnapId, Body>,
}

impl Object {
    /// The object at `snap`; `None` when it did not exist.
    pub(super) fn at(&self, snap: SnapId) -> Option<&Body> {
        match snap {
            SnapId::HEAD => self.head.as_ref(),
            snap => match resolve(&self.set, snap)? {
                Source::Head => self.head.as_ref(),
                Source::Clone(id) => self.clones.get(&id),
            },
        }
    }

    /// Takes over what a write made of the head.
    pub(super) fn commit(
        &mut self,
        plan: ClonePlan,
        transaction: Transaction,
        version: Version,
        now: Timestamp,
    ) {
        if let (Some(clone), Some(old)) = (&plan.clone, transaction.before) {
            self.clones.insert(clone.id, old);
        }
        let head = transaction.after.map(|body| Body { version, mtime: now, ..body });
        let size = head.as_ref().map(|body| body.data.size());
        commit_write(&mut self.set, plan, &transaction.modified, size);
        self.head = head;
    }

    /// Drops clones that only served removed snapshots. Returns whether nothing is left.
    pub(super) fn trim(&mut self, is_removed: impl Fn(SnapId) -> bool) -> bool {
        let trimmed = trim(&mut self.set, is_removed);
        for id in trimmed.dropped {
            self.clones.remove(&id);
        }
        trimmed.vanished
    }

    pub(super) fn is_gone(&self) -> bool {
        self.head.is_none() && self.clones.is_empty()
    }

    /// Bytes of the head and of all clones, shared ones counted each time.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.head.iter().chain(self.clones.values()).map(|body| body.data.stored_bytes()).sum()
    }
}
