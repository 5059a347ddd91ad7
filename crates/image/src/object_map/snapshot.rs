//! What happens to object maps when snapshots come, go, or are filled from the parent.

use marcot_format::call::header::SetFlags;
use marcot_format::call::object_map::{
    ObjectMapSave, ObjectMapSnapAdd, ObjectMapSnapRemove, ObjectMapUpdate,
};
use marcot_format::features::{Features, Flags};
use marcot_format::object_map::ObjectState;
use marcot_format::wire::Trailing;
use marcot_store::{ObjectId, SnapId, Store, WriteOp, WriteStep};

use super::{ObjectMap, assert_locked, load_states};
use crate::class_call::{CallError, exec, tell};
use crate::header::Header;

impl ObjectMap {
    /// Keeps the head's states as those of the new snapshot `snap`; what exists is clean from
    /// then on. Nothing may write meanwhile.
    pub(crate) async fn add_snapshot(
        &self,
        header: &Header,
        snap: SnapId,
    ) -> Result<(), CallError> {
        if self.is_given_up() {
            return Ok(());
        }
        let map = self.snapshot_states();
        tell(&*self.store, &header.object_map_object(snap), &ObjectMapSave { map }).await?;
        if !header.features.contains(Features::FAST_DIFF) {
            return Ok(());
        }
        let steps = vec![exec(&assert_locked()), exec(&ObjectMapSnapAdd {})];
        self.store.write(&self.object, WriteOp::new(steps).ordered()).await?;
        self.change_all(|state| match state {
            ObjectState::Exists => ObjectState::ExistsClean,
            other => other,
        });
        Ok(())
    }

    /// Takes over what the map of the removed snapshot calls changed, into the next newer
    /// snapshot's map or the head's, and removes the map.
    pub(crate) async fn remove_snapshot(
        &self,
        header: &Header,
        snap: SnapId,
    ) -> Result<(), CallError> {
        let object = header.object_map_object(snap);
        if header.features.contains(Features::FAST_DIFF) && !self.is_given_up() {
            let distrusted = header
                .view(snap)
                .is_some_and(|view| view.flags.contains(Flags::OBJECT_MAP_INVALID));
            match load_states(&*self.store, &object).await {
                Ok(_) if distrusted => self.distrust_next(header, snap).await?,
                Ok(removed) => self.merge_removed(header, snap, removed).await?,
                Err(error) if error.is_not_found() => {}
                Err(CallError::Damaged { .. }) => self.distrust_next(header, snap).await?,
                Err(error) => return Err(error),
            }
        }
        match self.store.write(&object, WriteOp::new(vec![WriteStep::Remove]).ordered()).await {
            Err(error) if error.errno == marcot_store::Errno::NOENT => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    /// What changed until the removed snapshot is not known, so that it cannot be said of the next
    /// one, or of the head: its map is flagged.
    async fn distrust_next(&self, header: &Header, snap: SnapId) -> Result<(), CallError> {
        let next = next_after(header, snap);
        let flags = Flags::OBJECT_MAP_INVALID | Flags::FAST_DIFF_INVALID;
        let snap_id = Trailing((next != SnapId::HEAD).then_some(next.0));
        tell(&*self.store, &self.header, &SetFlags { flags, mask: flags, snap_id }).await
    }

    async fn merge_removed(
        &self,
        header: &Header,
        snap: SnapId,
        removed: marcot_format::object_map::ObjectMap,
    ) -> Result<(), CallError> {
        let next = next_after(header, snap);
        let step = exec(&ObjectMapSnapRemove { snapshot: removed.clone() });
        if next != SnapId::HEAD {
            let object = header.object_map_object(next);
            let op = WriteOp::new(vec![step]).ordered();
            self.store.write(&object, op).await?;
            return Ok(());
        }
        let steps = vec![exec(&assert_locked()), step];
        self.store.write(&self.object, WriteOp::new(steps).ordered()).await?;
        let mut states = self.states();
        for number in 0..states.len().min(removed.len()) {
            let dirty = removed.get(number) == Some(ObjectState::Exists);
            if dirty && states.get(number) == Some(ObjectState::ExistsClean) {
                states.set(number, ObjectState::Exists);
            }
        }
        Ok(())
    }

    fn change_all(&self, change: impl Fn(ObjectState) -> ObjectState) {
        let mut states = self.states();
        for number in 0..states.len() {
            if let Some(state) = states.get(number) {
                states.set(number, change(state));
            }
        }
    }
}

/// The snapshot that came after another one, or the head.
fn next_after(header: &Header, snap: SnapId) -> SnapId {
    let newer = header.snapshots.iter().rev().find(|snapshot| snapshot.id > snap);
    newer.map_or(SnapId::HEAD, |snapshot| snapshot.id)
}

/// Says in the snapshots' maps that `number` now exists there too, because the parent's bytes
/// were copied under all snapshots. The oldest is the one that changed; the newer ones are clean.
/// A map that knows the object already is left as it is: what it calls changed stays so.
pub(crate) async fn note_copyup(
    store: &dyn Store,
    header: &Header,
    number: u64,
) -> Result<(), CallError> {
    if !header.features.contains(Features::OBJECT_MAP) {
        return Ok(());
    }
    let clean = header.features.contains(Features::FAST_DIFF);
    let mut new = ObjectState::Exists;
    for snapshot in header.snapshots.iter().rev() {
        if number >= header.object_count(snapshot.size) {
            continue;
        }
        let object = header.object_map_object(snapshot.id);
        update_snapshot(store, &object, number, new).await?;
        if clean {
            new = ObjectState::ExistsClean;
        }
    }
    Ok(())
}

async fn update_snapshot(
    store: &dyn Store,
    object: &ObjectId,
    number: u64,
    new: ObjectState,
) -> Result<(), CallError> {
    let current = Some(ObjectState::Nonexistent);
    let update = ObjectMapUpdate { start: number, end: number + 1, new, current };
    match tell(store, object, &update).await {
        // A snapshot from before the feature was switched on has no map.
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}
