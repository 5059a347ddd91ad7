//! Taking and giving back the head's object map.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use futures_util::future::join;
use marcot_format::Utime;
use marcot_format::call::lock::{BreakLock, GetInfo, Lock, Unlock};
use marcot_format::call::object_map::ObjectMapLoad;
use marcot_format::features::Flags;
use marcot_format::lock::{LockKind, RBD_LOCK};
use marcot_format::object_map::ObjectMap as States;
use marcot_store::{Errno, ObjectId, SnapId, Store};

use super::{ObjectMap, invalidate};
use crate::class_call::{CallError, ask, tell};
use crate::header::Header;

/// How often to try for the map's lock while others give it back or are thrown out.
const LOCK_ATTEMPTS: usize = 10;

impl ObjectMap {
    /// Locks and loads the head's map. The caller owns the image's exclusive lock, so whoever else
    /// holds the map's lock is dead and is thrown out. `None` when there is no usable map; it is
    /// then flagged invalid.
    pub(crate) async fn open(
        store: &Arc<dyn Store>,
        header: &Header,
    ) -> Result<Option<ObjectMap>, CallError> {
        let object = header.object_map_object(SnapId::HEAD);
        // Sent at once: operations on one object keep their order.
        let first = join(take(&**store, &object), load_states(&**store, &object)).await;
        let opened = match first {
            (Ok(()), loaded) => loaded,
            (Err(error), _) if error.errno() == Errno::BUSY => {
                match take_from_others(&**store, &object).await {
                    Ok(()) => load_states(&**store, &object).await,
                    Err(error) => Err(error),
                }
            }
            (Err(error), _) => Err(error),
        };
        let wanted = header.object_count(header.size);
        match opened {
            Ok(states) if states.len() >= wanted => Ok(Some(ObjectMap {
                store: Arc::clone(store),
                object,
                header: header.object(),
                states: Mutex::new(states),
                given_up: AtomicBool::new(false),
            })),
            Err(error) if error.errno() == Errno::BLOCKLISTED => Err(error),
            Ok(_) | Err(_) => {
                if !header.flags.contains(Flags::OBJECT_MAP_INVALID) {
                    invalidate(&**store, &header.object()).await?;
                }
                Ok(None)
            }
        }
    }

    /// Gives the map's lock back.
    pub(crate) async fn close(&self) -> Result<(), CallError> {
        let unlock = Unlock { name: RBD_LOCK.to_owned(), cookie: String::new() };
        match tell(&*self.store, &self.object, &unlock).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }
}

/// Reads the states of a head's or snapshot's map.
pub(crate) async fn load_states(store: &dyn Store, object: &ObjectId) -> Result<States, CallError> {
    ask(store, object, &ObjectMapLoad {}).await.map(|unchecked| unchecked.0)
}

async fn take(store: &dyn Store, object: &ObjectId) -> Result<(), CallError> {
    let lock = Lock {
        name: RBD_LOCK.to_owned(),
        kind: LockKind::Exclusive,
        cookie: String::new(),
        tag: String::new(),
        description: String::new(),
        duration: Utime::default(),
        flags: 0,
    };
    match tell(store, object, &lock).await {
        Err(error) if error.errno() == Errno::EXIST => Ok(()),
        other => other,
    }
}

async fn take_from_others(store: &dyn Store, object: &ObjectId) -> Result<(), CallError> {
    let mut attempt = 1;
    loop {
        break_lockers(store, object).await?;
        attempt += 1;
        match take(store, object).await {
            Err(error) if error.errno() == Errno::BUSY && attempt < LOCK_ATTEMPTS => {}
            other => return other,
        }
    }
}

async fn break_lockers(store: &dyn Store, object: &ObjectId) -> Result<(), CallError> {
    let info = ask(store, object, &GetInfo { name: RBD_LOCK.to_owned() }).await?;
    for holder in info.lockers.into_keys() {
        let (locker, cookie) = (holder.locker, holder.cookie);
        let breaking = BreakLock { name: RBD_LOCK.to_owned(), locker, cookie };
        match tell(store, object, &breaking).await {
            Err(error) if error.is_not_found() => {}
            other => other?,
        }
    }
    Ok(())
}
