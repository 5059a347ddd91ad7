//! An open store: the core, its locks and threads, and the clients that share it.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use marcot_store::class::Classes;
use marcot_store::session::Sessions;
use marcot_store::watch::WatchTable;
use marcot_store::{Env, ObjectId, Store, StoreError};

use crate::check::{Depth, Report};
use crate::client::DirClient;
use crate::core::Core;
use crate::device::{Device, Volume};
use crate::directory::{self, Named, OpenError};
use crate::layout::Seal;
use crate::operation::{Content, Wait};
use crate::readers::Readers;
use crate::recovery::{FormatOptions, RecoverError, RecoverOptions, format, recover};
use crate::session::DirSessions;
use crate::space::Checksums;
use crate::sync::Syncs;
use crate::tending::Tending;
use crate::units::{BLOCK_BYTES, blocks_for};

/// How a new store is made.
#[derive(Clone)]
pub struct CreateOptions {
    pub env: Arc<dyn Env>,
    /// Pools that it has from the start; `rbd` by default.
    pub pools: Vec<String>,
    /// Bytes of the log's first segment, at least 8 KiB.
    pub log_bytes: u64,
}

impl CreateOptions {
    /// A store as users want it: a pool `rbd`, 1 MiB in all.
    pub fn new(env: Arc<dyn Env>) -> CreateOptions {
        // With superblocks, and an eighth as many blocks set aside.
        let log_bytes = 226 * BLOCK_BYTES;
        CreateOptions { env, pools: vec!["rbd".to_owned()], log_bytes }
    }

    fn format(&self) -> FormatOptions {
        let random = [self.env.random(), self.env.random()];
        let mut store: [u8; 16] = [0; 16];
        for (part, number) in store.chunks_exact_mut(8).zip(random) {
            part.copy_from_slice(&number.to_be_bytes());
        }
        // A UUID of version 4.
        store[6] = store[6] & 0x0f | 0x40;
        store[8] = store[8] & 0x3f | 0x80;
        let log_blocks = blocks_for(self.log_bytes).max(2);
        let (seal, pools) = (draw_seal(&*self.env), self.pools.clone());
        FormatOptions { store, seal, pools, log_blocks }
    }
}

fn draw_seal(env: &dyn Env) -> Seal {
    Seal { seq: env.random(), synced: env.random() }
}

impl std::fmt::Debug for CreateOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateOptions").field("pools", &self.pools).finish_non_exhaustive()
    }
}

/// Who does what takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Threads of the engine: callers never wait but for their own futures.
    Own,
    /// The caller, within the call: every run is the same, as crash tests need it.
    None,
}

/// How a store is opened.
#[derive(Clone)]
pub struct OpenOptions {
    pub classes: Arc<dyn Classes>,
    pub env: Arc<dyn Env>,
    /// Most bytes that the store may take; `None` for what the file system has.
    pub limit_bytes: Option<u64>,
    pub threads: Threads,
    /// Bytes of log after which a checkpoint is made.
    pub checkpoint_bytes: u64,
}

impl OpenOptions {
    pub fn new(classes: Arc<dyn Classes>, env: Arc<dyn Env>) -> OpenOptions {
        let (limit_bytes, threads) = (None, Threads::Own);
        OpenOptions { classes, env, limit_bytes, threads, checkpoint_bytes: 32 << 20 }
    }
}

impl std::fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("OpenOptions");
        shown.field("limit_bytes", &self.limit_bytes).field("threads", &self.threads);
        shown.finish_non_exhaustive()
    }
}

/// What there is to do after a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AfterWrite {
    pub unsynced: u64,
    /// Bytes of log since the last checkpoint.
    pub log: u64,
    pub has_housework: bool,
}

/// What all clients of an open store share.
pub(crate) struct Shared {
    core: Mutex<Core>,
    pub device: Arc<dyn Device>,
    checksums: Arc<Checksums>,
    pub env: Arc<dyn Env>,
    pub released: Arc<AtomicU64>,
    pub watches: Mutex<WatchTable>,
    pub syncs: Syncs,
    pub tending: Tending,
    pub volume: Arc<dyn Volume>,
    pub options: OpenOptions,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub readers: Readers,
}

impl Shared {
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        // A panic under the lock may have left the state half changed.
        self.core.lock().unwrap_or_else(|poisoned| {
            let mut core: MutexGuard<'_, Core> = PoisonError::into_inner(poisoned);
            core.poison("a change was cut short by a defect in the program");
            core
        })
    }

    /// The core, with these objects in memory. What is not yet is read with the core unlocked; what
    /// cannot be read fails whoever needs it.
    pub(crate) fn core_holding<'i>(
        &self,
        objects: impl Iterator<Item = &'i ObjectId>,
    ) -> MutexGuard<'_, Core> {
        let mut core = self.core();
        for id in objects {
            let Some(look_up) = core.state.look_up(id) else { continue };
            drop(core);
            let found = look_up.run();
            core = self.core();
            if let Ok(found) = found {
                core.state.objects.take_in(id, found);
            }
        }
        core
    }

    /// What data is read through, with the core locked or not.
    pub(crate) fn content(&self, wait: Wait) -> Content<'_> {
        Content { device: &*self.device, checksums: &self.checksums, wait }
    }

    pub(crate) fn watches(&self) -> MutexGuard<'_, WatchTable> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keep_thread(&self, thread: JoinHandle<()>) {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }

    /// What a write leaves to be done.
    pub(crate) fn after_write(self: &Arc<Self>, after: AfterWrite) {
        if self.options.threads == Threads::Own {
            self.note_unsynced(after.unsynced);
        }
        if after.log > self.options.checkpoint_bytes || after.has_housework {
            self.tend_soon();
        }
    }

    /// Gets freed blocks out of quarantine for a writer that found the store full. Tells whether
    /// it is worth another try.
    pub(crate) fn make_room(&self) -> bool {
        let done = |shared: &Shared| -> Result<(), StoreError> {
            while shared.core().housekeep(64)? {}
            Ok(())
        };
        if let Err(error) = done(self) {
            tracing::error!("housekeeping on a full store: {error}");
        }
        let mark = |shared: &Shared| shared.core().mark();
        // The first sync makes the frees durable, the second the record that says so.
        let freed = self.sync_now().and_then(|()| mark(self)).and_then(|()| self.sync_now());
        self.ask_for_room();
        freed.is_ok()
    }

    /// Asks anew how much the store may take: others fill its file system, and leave it.
    pub(crate) fn ask_for_room(&self) {
        if self.options.limit_bytes.is_some() {
            return;
        }
        match (self.volume.room(), self.volume.taken()) {
            (Ok(room), Ok(taken)) => self.core().set_room(room, taken),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "asking the file system for its room");
            }
        }
    }
}

/// An open store. Closed when the last client and the last handle are gone.
pub struct DirEngine {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for DirEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirEngine").finish_non_exhaustive()
    }
}

impl DirEngine {
    /// Makes a store in the directory `path`, which is made if it is not there.
    pub fn create(path: &Path, options: &CreateOptions) -> Result<(), OpenError> {
        directory::create(path, &options.format())
    }

    /// Opens the store in the directory `path`. [`OpenError::Busy`] when another process, or
    /// another handle in this one, has it open.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Arc<DirEngine>, OpenError> {
        let (volume, named) = directory::open(path)?;
        let volume = Arc::new(volume);
        let opened = DirEngine::open_volume(Arc::clone(&volume) as Arc<dyn Volume>, options);
        let path = path.to_owned();
        match opened {
            Ok(engine) => {
                // Whoever named it may have died before the name was durable.
                if engine.shared.core().superblock.is_first() {
                    volume.owe_name();
                }
                Ok(engine)
            }
            Err(error) if named == Named::NotYet && error.is_damage() => {
                tracing::info!("a store that was never synced is not whole ({error}): it goes");
                match volume.discard_new() {
                    Ok(()) => Err(OpenError::NotFound { path }),
                    Err(error) => Err(OpenError::Io { action: "removing", path, error }),
                }
            }
            Err(error) => Err(OpenError::Damaged { path, error }),
        }
    }

    /// Makes a store on any volume.
    pub fn create_on(volume: &dyn Volume, options: &CreateOptions) -> std::io::Result<()> {
        format(volume, &options.format())?;
        volume.store().sync()
    }

    /// Opens the store on any volume. The caller sees to it that nobody else has it open.
    pub fn open_volume(
        volume: Arc<dyn Volume>,
        options: OpenOptions,
    ) -> Result<Arc<DirEngine>, RecoverError> {
        let recover_options = RecoverOptions {
            classes: Arc::clone(&options.classes),
            nonce: options.env.random(),
            seal: draw_seal(&*options.env),
            limit_bytes: options.limit_bytes,
        };
        let core = recover(&*volume, recover_options)?;
        let shared = Shared {
            device: Arc::clone(&core.device),
            checksums: Arc::clone(&core.state.checksums),
            released: core.released(),
            core: Mutex::new(core),
            env: Arc::clone(&options.env),
            watches: Mutex::new(WatchTable::starting_at(options.env.random())),
            syncs: Syncs::default(),
            tending: Tending::default(),
            volume,
            options,
            threads: Mutex::default(),
            readers: Readers::default(),
        };
        Ok(Arc::new(DirEngine { shared: Arc::new(shared) }))
    }

    /// A new client with an id and an address of its own. Its watches end when it is dropped.
    pub fn client(self: &Arc<Self>) -> Arc<dyn Store> {
        DirClient::new(Arc::clone(self)).checked()
    }

    /// What serves clients in other processes. They outlive this one, so it is for the one owner to
    /// ask for, once.
    pub fn sessions(self: &Arc<Self>) -> Arc<dyn Sessions> {
        Arc::new(DirSessions::new(Arc::clone(self)))
    }

    /// Makes everything durable and says whether it is. Clients can still be used.
    pub fn close(&self) -> Result<(), StoreError> {
        if !self.shared.core().is_clean() {
            self.shared.sync_now()?;
        }
        Ok(())
    }

    /// Stores a checkpoint now.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.shared.checkpoint()
    }

    /// Looks at up to `objects` objects that removed snapshots or pools have left; tells whether
    /// more is left.
    pub fn housekeep(&self, objects: usize) -> Result<bool, StoreError> {
        self.shared.core().housekeep(objects)
    }

    /// Computes everything derived anew and compares. Other work waits meanwhile.
    pub fn check(&self, depth: Depth) -> Result<Report, StoreError> {
        self.shared.core().check(depth)
    }

    /// What a process that goes does for the next one: little.
    fn leave(&self) -> Result<(), StoreError> {
        if self.shared.core().has_housework() {
            self.housekeep(LAST_OBJECTS)?;
        }
        let (bytes, records) = self.shared.core().tail();
        if bytes > LONGEST_TAIL || records > MOST_RECORDS {
            self.checkpoint()?;
        }
        self.shared.core().tell_synced();
        Ok(())
    }
}

/// Objects that a process looks at on its way out.
const LAST_OBJECTS: usize = 64;
/// A longer log than this is not left for the next process to replay: in bytes, to be read, and in
/// records, each of which takes some 2 µs.
const LONGEST_TAIL: u64 = 512 << 10;
const MOST_RECORDS: u64 = 1024;

impl Drop for DirEngine {
    fn drop(&mut self) {
        self.shared.stop_tending();
        self.shared.stop_syncs();
        let threads = std::mem::take(
            &mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner),
        );
        let this = std::thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != this) {
            let _ = thread.join();
        }
        let sound = self.shared.core().check_writable().is_ok();
        if sound && let Err(error) = self.leave() {
            tracing::error!("leaving the store: {error}");
        }
    }
}
