//! The object map of the head, in memory and in its object, kept true by every write.
//!
//! It may say that an object exists when there is none, never the reverse: a state is stored (and
//! acknowledged) before the data that needs it is sent, and `Nonexistent` only after the removal.
//! Changes of one object's state come from holders of that object's gate, so that they cannot
//! overtake each other; changes of different objects commute.
//!
//! Only the owner of the exclusive lock has one. A map that cannot be kept is flagged invalid in
//! the header and from then on neither read nor written.

mod open;
mod snapshot;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use marcot_format::call::header::SetFlags;
use marcot_format::call::lock::AssertLocked;
use marcot_format::call::object_map::{ObjectMapResize, ObjectMapUpdate};
use marcot_format::features::Flags;
use marcot_format::lock::{LockKind, RBD_LOCK};
use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_format::wire::Trailing;
use marcot_store::{Errno, ObjectId, Store, StoreError, WriteOp, WriteStep};

use crate::class_call::{CallError, exec, tell};

pub(crate) use open::load_states;
pub(crate) use snapshot::note_copyup;

/// The head's object map.
pub(crate) struct ObjectMap {
    store: Arc<dyn Store>,
    object: ObjectId,
    header: ObjectId,
    states: Mutex<States>,
    /// The map cannot be kept and is flagged invalid.
    given_up: AtomicBool,
}

impl std::fmt::Debug for ObjectMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectMap").field("object", &self.object).finish_non_exhaustive()
    }
}

impl ObjectMap {
    /// What the map says; `None` when it has no such object or is not kept any more.
    pub(crate) fn state(&self, number: u64) -> Option<ObjectState> {
        if self.is_given_up() { None } else { self.states().get(number) }
    }

    /// A copy of all states.
    pub(crate) fn snapshot_states(&self) -> States {
        self.states().clone()
    }

    /// Whether the map is no longer kept.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::SeqCst)
    }

    /// Stores `new` for an object whose data is about to change. The caller holds its gate.
    pub(crate) async fn set(&self, number: u64, new: ObjectState) -> Result<(), CallError> {
        let state = self.states().get(number);
        // Objects beyond the map belong to snapshots of a larger image: it says nothing of them.
        if self.is_given_up() || state.is_none_or(|state| state == new) {
            return Ok(());
        }
        self.update_range(number..number + 1, new, None).await
    }

    /// Stores `new` for an object that is still in state `current`.
    pub(crate) async fn replace(
        &self,
        number: u64,
        current: ObjectState,
        new: ObjectState,
    ) -> Result<(), CallError> {
        let matches = self.states().get(number).is_some_and(|state| state.matches(current));
        if self.is_given_up() || !matches {
            return Ok(());
        }
        self.update_range(number..number + 1, new, Some(current)).await
    }

    /// Reads the states again, after somebody stored others. Nothing may write meanwhile.
    pub(crate) async fn reload(&self) -> Result<(), CallError> {
        let states = load_states(&*self.store, &self.object).await?;
        *self.states() = states;
        self.given_up.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Extends or cuts the map to `object_count`. Cutting demands that the objects are gone.
    pub(crate) async fn resize(&self, object_count: u64) -> Result<(), CallError> {
        if self.is_given_up() {
            return Ok(());
        }
        let resize = ObjectMapResize { object_count, state: ObjectState::Nonexistent };
        match self.send(exec(&resize)).await {
            Ok(()) => {
                self.states().resize(object_count, ObjectState::Nonexistent);
                Ok(())
            }
            Err(error) => self.give_up(error).await,
        }
    }

    /// Stores `new` for those of some objects that are in state `current`, or for all. Whoever
    /// calls this for objects that may be written meanwhile holds their gates.
    pub(crate) async fn update_range(
        &self,
        objects: Range<u64>,
        new: ObjectState,
        current: Option<ObjectState>,
    ) -> Result<(), CallError> {
        if self.is_given_up() || objects.is_empty() {
            return Ok(());
        }
        let Range { start, end } = objects;
        let update = ObjectMapUpdate { start, end, new, current };
        match self.send(exec(&update)).await {
            Ok(()) => {
                let mut states = self.states();
                for number in start..end {
                    let state = states.get(number);
                    let passes = |state: ObjectState| current.is_none_or(|it| state.matches(it));
                    if state.is_some_and(passes) {
                        states.set(number, new);
                    }
                }
                Ok(())
            }
            Err(error) => self.give_up(error).await,
        }
    }

    /// Sends a change that only the holder of the map's lock may make.
    async fn send(&self, step: WriteStep) -> Result<(), StoreError> {
        let steps = vec![exec(&assert_locked()), step];
        self.store.write(&self.object, WriteOp::new(steps).ordered()).await.map(drop)
    }

    /// Flags the map invalid, so that nobody relies on it, and keeps it no longer. An error that
    /// says that this client may not write at all is passed on instead.
    async fn give_up(&self, error: StoreError) -> Result<(), CallError> {
        if error.errno == Errno::BLOCKLISTED || error.errno == Errno::BUSY {
            return Err(error.into());
        }
        tracing::warn!(%error, "object map cannot be kept, flagging it invalid");
        invalidate(&*self.store, &self.header).await?;
        self.given_up.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says in the header that the head's object map, and what is derived from it, is not to be
/// relied on.
pub(crate) async fn invalidate(store: &dyn Store, header: &ObjectId) -> Result<(), CallError> {
    let flags = Flags::OBJECT_MAP_INVALID | Flags::FAST_DIFF_INVALID;
    tell(store, header, &SetFlags { flags, mask: flags, snap_id: Trailing(None) }).await
}

/// Fails a change of the head's map unless this client still holds its lock.
pub(crate) fn assert_locked() -> AssertLocked {
    AssertLocked {
        name: RBD_LOCK.to_owned(),
        kind: LockKind::Exclusive,
        cookie: String::new(),
        tag: String::new(),
    }
}
