//! Objects in memory: changed ones until a checkpoint holds them, others while there is room.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use marcot_store::{ObjectId, PoolId};

use super::look_up::{self, Found, Gap, LookUp, Stored};
use crate::layout::{decode_object_key, encode_object, object_key, pool_prefix, row_has_head};
use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::object::Object;

/// Clean objects beyond this many are forgotten, the least recently used first.
const KEPT: usize = 16384;

#[derive(Debug)]
struct Slot {
    object: Arc<Object>,
    /// The last record that changed it since a checkpoint; 0 when the stored row is the same.
    changed: u64,
    used: u64,
}

/// The cache of objects.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    slots: HashMap<ObjectId, Slot>,
    changed: BTreeSet<ObjectId>,
    clock: u64,
    /// How many checkpoints have been stored.
    checkpoints: u64,
    /// Where the last checkpoint has nothing.
    gap: Option<Gap>,
}

/// Which part of the objects a scan visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Those with a head.
    Heads,
    /// Those with clones.
    Cloned,
    /// All that is stored.
    All,
}

impl Objects {
    pub(crate) fn get(
        &mut self,
        meta: Option<&dyn MetaStore>,
        id: &ObjectId,
    ) -> Result<Arc<Object>, MetaError> {
        self.clock += 1;
        if let Some(slot) = self.slots.get_mut(id) {
            slot.used = self.clock;
            return Ok(Arc::clone(&slot.object));
        }
        let key = object_key(id);
        let stored = match meta {
            Some(meta) if !self.is_in_gap(&key) => look_up::read(meta, &key)?,
            _ => Stored::Nowhere,
        };
        Ok(self.take_stored(id, key, stored))
    }

    /// What has to be read for an object that is not in memory.
    pub(crate) fn look_up(&self, meta: &Arc<dyn MetaStore>, id: &ObjectId) -> Option<LookUp> {
        if self.slots.contains_key(id) {
            return None;
        }
        let key = object_key(id);
        let checkpoints = self.checkpoints;
        (!self.is_in_gap(&key)).then(|| LookUp { meta: Arc::clone(meta), key, checkpoints })
    }

    /// Takes in what a look-up found, unless it is out of date: a checkpoint has been stored since,
    /// or the object is in memory by now. Between checkpoints every change is in memory.
    pub(crate) fn take_in(&mut self, id: &ObjectId, found: Found) {
        if found.checkpoints == self.checkpoints && !self.slots.contains_key(id) {
            self.clock += 1;
            self.take_stored(id, found.key, found.stored);
        }
    }

    fn is_in_gap(&self, key: &[u8]) -> bool {
        self.gap.as_ref().is_some_and(|gap| gap.covers(key))
    }

    fn take_stored(&mut self, id: &ObjectId, key: Vec<u8>, stored: Stored) -> Arc<Object> {
        let object = match stored {
            Stored::Row(object) => Arc::new(*object),
            Stored::Before(next) => {
                self.gap = Some(Gap { from: key, to: next });
                Arc::default()
            }
            Stored::Nowhere => Arc::default(),
        };
        self.make_room();
        let slot = Slot { object: Arc::clone(&object), changed: 0, used: self.clock };
        self.slots.insert(id.clone(), slot);
        object
    }

    /// Takes an object that is in memory out of its slot, so that it can be changed in place.
    pub(super) fn take(&mut self, id: &ObjectId) -> Arc<Object> {
        let slot = self.slots.get_mut(id).expect("it is got before it is changed");
        std::mem::take(&mut slot.object)
    }

    pub(super) fn put(&mut self, id: &ObjectId, object: Arc<Object>, seq: u64) {
        let slot = self.slots.get_mut(id).expect("it was taken from there");
        slot.object = object;
        if slot.changed == 0 {
            self.changed.insert(id.clone());
        }
        slot.changed = seq;
    }

    fn make_room(&mut self) {
        if self.slots.len() < KEPT + self.changed.len() {
            return;
        }
        // One sweep drops the older half, so that sweeps are rare.
        let mut ages: Vec<u64> = self.slots.values().map(|slot| slot.used).collect();
        let middle = ages.len() / 2;
        let (_, oldest, _) = ages.select_nth_unstable(middle);
        let oldest = *oldest;
        self.slots.retain(|_, slot| slot.changed > 0 || slot.used > oldest);
    }

    /// Up to `max` ids of a pool after `after`, ascending; fewer than `max` only at the end.
    pub(crate) fn scan(
        &self,
        meta: Option<&dyn MetaStore>,
        pool: PoolId,
        after: Option<&ObjectId>,
        (kind, max): (Scan, usize),
    ) -> Result<Vec<ObjectId>, MetaError> {
        let mut found = self.scan_stored(meta, pool, after, (kind, max))?;
        let stored_end = (found.len() == max).then(|| found.iter().next_back().cloned()).flatten();
        let first = ObjectId::new(pool, "", "");
        let from = after.map_or(Bound::Included(&first), Bound::Excluded);
        for id in self.changed.range((from, Bound::Unbounded)) {
            if id.pool != pool || stored_end.as_ref().is_some_and(|end| id > end) {
                break;
            }
            let object = &self.slots[id].object;
            let wanted = match kind {
                Scan::Heads => object.head.is_some(),
                Scan::Cloned => !object.clones.is_empty(),
                Scan::All => !object.is_gone(),
            };
            if wanted {
                found.insert(id.clone());
            }
        }
        Ok(found.into_iter().take(max).collect())
    }

    /// Stored ids that memory does not know better about.
    fn scan_stored(
        &self,
        meta: Option<&dyn MetaStore>,
        pool: PoolId,
        after: Option<&ObjectId>,
        (kind, max): (Scan, usize),
    ) -> Result<BTreeSet<ObjectId>, MetaError> {
        let mut found = BTreeSet::new();
        let Some(meta) = meta else { return Ok(found) };
        let table = if kind == Scan::Cloned { Table::Cloned } else { Table::Objects };
        let prefix = pool_prefix(pool);
        let mut from = match after {
            Some(after) => Bound::Excluded(object_key(after)),
            None => Bound::Included(prefix.to_vec()),
        };
        while found.len() < max {
            let rows = meta.range(table, from, &prefix, max)?;
            let Some((last, _)) = rows.last() else { break };
            from = Bound::Excluded(last.to_vec());
            let at_end = rows.len() < max;
            for (key, row) in rows {
                let id = decode_object_key(&key)?;
                let wanted = kind != Scan::Heads || row_has_head(&row);
                if wanted && found.len() < max && !self.changed.contains(&id) {
                    found.insert(id);
                }
            }
            if at_end {
                break;
            }
        }
        Ok(found)
    }

    /// What a checkpoint has to store: each changed object as it is now.
    pub(crate) fn frozen(&self) -> Vec<(ObjectId, Arc<Object>)> {
        let objects =
            self.changed.iter().map(|id| (id.clone(), Arc::clone(&self.slots[id].object)));
        objects.collect()
    }

    /// A checkpoint that holds everything up to `seq` is durable.
    pub(crate) fn stored(&mut self, seq: u64) {
        self.checkpoints += 1;
        self.gap = None;
        let slots = &mut self.slots;
        self.changed.retain(|id| {
            let slot = slots.get_mut(id).expect("changed objects stay in memory");
            forget_stored_keys(&mut slot.object, seq);
            if slot.changed > seq {
                return true;
            }
            slot.changed = 0;
            if slot.object.is_gone() {
                slots.remove(id);
            }
            false
        });
    }
}

/// Drops the changed omap keys that the checkpoint up to `seq` holds.
fn forget_stored_keys(object: &mut Arc<Object>, seq: u64) {
    let bodies = object.clones.values().chain(&object.head);
    if bodies.into_iter().all(|body| body.omap.changed.is_empty()) {
        return;
    }
    let object = Arc::make_mut(object);
    for body in object.clones.values_mut().chain(&mut object.head) {
        let omap = &mut body.omap;
        let before = omap.changed.len();
        if before > 0 {
            Arc::make_mut(&mut omap.changed).retain(|_, changed| changed.seq > seq);
            omap.stored |= omap.changed.len() < before;
        }
    }
}

/// The rows of frozen objects.
pub(crate) fn object_rows(frozen: &[(ObjectId, Arc<Object>)], seq: u64) -> Vec<MetaChange> {
    let mut changes = Vec::with_capacity(frozen.len() * 2);
    for (id, object) in frozen {
        let key = object_key(id);
        changes.push(if object.is_gone() {
            MetaChange::Delete { table: Table::Objects, key: key.clone() }
        } else {
            let value = encode_object(object);
            MetaChange::Put { table: Table::Objects, key: key.clone(), value }
        });
        changes.push(if object.clones.is_empty() {
            MetaChange::Delete { table: Table::Cloned, key }
        } else {
            MetaChange::Put { table: Table::Cloned, key, value: Vec::new() }
        });
        for body in object.clones.values().chain(&object.head) {
            for (key, changed) in body.omap.changed.iter() {
                debug_assert!(changed.seq <= seq, "frozen states do not change");
                let key = crate::layout::omap_key(body.omap.number, key);
                changes.push(match &changed.value {
                    Some(value) => {
                        MetaChange::Put { table: Table::Omap, key, value: value.to_vec() }
                    }
                    None => MetaChange::Delete { table: Table::Omap, key },
                });
            }
        }
    }
    changes
}
