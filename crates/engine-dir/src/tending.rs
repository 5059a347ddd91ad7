//! What a store does beside its clients' work: checkpoints, trimming, giving space back.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use marcot_store::StoreError;

use crate::core::Frozen;
use crate::engine::{Shared, Threads};
use crate::meta::{MetaStore, RedbStore};

/// Objects that are looked at in one go, with the core locked.
const AT_ONCE: usize = 64;
/// Objects that may be looked at to say how much will come free.
const MOST_SURVEYED: usize = 1024;

#[derive(Debug, Default)]
struct Wishes {
    wanted: bool,
    stop: bool,
    running: bool,
}

/// The thread that tends the store, and what it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Tending {
    wishes: Mutex<Wishes>,
    wake: Condvar,
    /// Held during a checkpoint: one at a time.
    checkpointing: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Has what is due done: by the store's thread, or at once when it has none.
    pub(crate) fn tend_soon(self: &Arc<Self>) {
        if self.options.threads == Threads::None {
            return self.tend();
        }
        let mut wishes = lock(&self.tending.wishes);
        if wishes.wanted || wishes.stop {
            return;
        }
        wishes.wanted = true;
        if wishes.running {
            return self.tending.wake.notify_one();
        }
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new().name("marcot-tend".to_owned());
        match thread.spawn(move || shared.tend_thread()) {
            Ok(thread) => {
                wishes.running = true;
                self.keep_thread(thread);
            }
            Err(error) => tracing::error!("no thread to tend the store: {error}"),
        }
    }

    fn tend_thread(&self) {
        loop {
            let mut wishes = lock(&self.tending.wishes);
            while !wishes.wanted && !wishes.stop {
                let woken = self.tending.wake.wait(wishes);
                wishes = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if wishes.stop {
                return;
            }
            wishes.wanted = false;
            drop(wishes);
            self.tend();
        }
    }

    /// Blocks that the work left to be done will free, counted over its next [`MOST_SURVEYED`]
    /// objects: every command asks, and none may take long. The core is free in between.
    pub(crate) fn freed_by_housework(&self) -> u64 {
        let passes = self.core().housework();
        let (mut blocks, mut batches) = (0, MOST_SURVEYED / AT_ONCE);
        for mut pass in passes {
            while batches > 0 {
                batches -= 1;
                // Bound first: the lock must be free again for others.
                let surveyed = self.core().survey(&mut pass, AT_ONCE);
                match surveyed {
                    Ok(Some(more)) => blocks += more,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!("counting what will be freed: {error}");
                        return blocks;
                    }
                }
            }
        }
        blocks
    }

    fn stops(&self) -> bool {
        lock(&self.tending.wishes).stop
    }

    pub(crate) fn stop_tending(&self) {
        lock(&self.tending.wishes).stop = true;
        self.tending.wake.notify_all();
    }

    /// Does what is due.
    fn tend(&self) {
        while !self.stops() {
            match self.core().housekeep(AT_ONCE) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return tracing::error!("housekeeping: {error}"),
            }
        }
        // Bound first: the lock must be free again for the checkpoint.
        let log = self.core().log.since_checkpoint();
        if log > self.options.checkpoint_bytes
            && let Err(error) = self.checkpoint()
        {
            tracing::error!("making a checkpoint: {error}");
        }
    }

    /// Stores what changed since the last checkpoint, and lets the log before it go.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        let _one = lock(&self.tending.checkpointing);
        let frozen = self.core().freeze()?;
        match self.store_checkpoint(&frozen) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.core().thaw(frozen);
                Err(error)
            }
        }
    }

    fn store_checkpoint(&self, frozen: &Frozen) -> Result<(), StoreError> {
        let failed = |error: &dyn std::fmt::Display| {
            StoreError::new(marcot_store::Errno::IO, format!("make a checkpoint ({error})"))
        };
        // The rows name blocks and records: those must be durable before they are.
        self.sync_now()?;
        let meta = self.meta_store().map_err(|error| failed(&error))?;
        let rows = frozen.rows(&*meta).map_err(|error| failed(&error))?;
        meta.commit(rows).map_err(|error| failed(&error))?;
        self.name_checkpoint(frozen)?.map_err(|error| failed(&error))?;
        self.sync_now()?;
        let punched = self.core().checkpointed(frozen, &meta)?;
        self.punch(&punched)
    }

    /// Has the superblock name a checkpoint that is stored.
    fn name_checkpoint(&self, frozen: &Frozen) -> Result<std::io::Result<()>, StoreError> {
        loop {
            let mut core = self.core();
            if core.superblock_is_durable() {
                return Ok(core.name_checkpoint(frozen));
            }
            drop(core);
            self.sync_now()?;
        }
    }

    /// The metadata of the last checkpoint, or an empty one for the first.
    fn meta_store(&self) -> Result<Arc<dyn MetaStore>, Box<dyn std::error::Error>> {
        let existing = self.core().state.meta.clone();
        if let Some(meta) = existing {
            return Ok(meta);
        }
        let device = self.volume.create_meta()?;
        Ok(Arc::new(RedbStore::open(device)?))
    }
}
