//! The heart: the state, the log that made it, and the device below. No thread, no wait but for
//! the device, no clock: callers lock it, say what time it is, and unlock it.

mod administer;
mod commit;
mod freeze;
mod housekeeping;
mod read;
mod superblock;
mod sync;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use marcot_store::class::Classes;
use marcot_store::{ClientId, Errno, StoreError};

use crate::device::Device;
use crate::layout::{Seal, Superblock};
use crate::log::LogWriter;
use crate::operation::{Caller, Content, Wait};
use crate::state::State;
use crate::units::Run;

pub(crate) use commit::reserve;
pub(crate) use freeze::Frozen;
pub(crate) use read::finish_read;
pub(crate) use write::{WriteRequest, Written};

/// The core of an open store.
pub(crate) struct Core {
    pub device: Arc<dyn Device>,
    pub classes: Arc<dyn Classes>,
    pub state: State,
    pub log: LogWriter,
    pub superblock: Superblock,
    /// The newest superblock that is known to be durable.
    durable_generation: u64,
    /// Everything up to this record survives a power cut.
    pub durable: u64,
    /// What records up to this one freed may be used again.
    ripe: u64,
    /// Readers at work, by the record they started after.
    pins: BTreeMap<u64, usize>,
    /// Grows whenever freed blocks come back into use: a read that saw it change reads again.
    released: Arc<AtomicU64>,
    /// Whether this process has written its mark into the log, and with which number.
    owner_logged: bool,
    nonce: u64,
    /// What the segments that this process enters are sealed with.
    pub seal: Seal,
    next_client: u64,
    /// Why nothing can be written any more.
    poisoned: Option<Arc<str>>,
    /// Length of the device, in blocks.
    length: u64,
    /// Runs that are being given back to the file system.
    punching: Vec<Run>,
    /// The pass of housekeeping under way.
    pass: Option<housekeeping::Pass>,
    /// Bytes of data and log that no sync has covered.
    pub unsynced: u64,
}

/// What recovery hands over.
pub(crate) struct CoreParts {
    pub device: Arc<dyn Device>,
    pub classes: Arc<dyn Classes>,
    pub state: State,
    pub log: LogWriter,
    pub superblock: Superblock,
    pub durable: u64,
    pub nonce: u64,
    pub seal: Seal,
    /// Length of the device in bytes.
    pub length: u64,
}

impl Core {
    pub(crate) fn new(parts: CoreParts) -> Core {
        Core {
            next_client: parts.state.cluster.client_limit,
            ripe: parts.superblock.newest.seq,
            device: parts.device,
            classes: parts.classes,
            state: parts.state,
            log: parts.log,
            superblock: parts.superblock,
            // It may still be in the page cache, where a dead process has left it.
            durable_generation: 0,
            durable: parts.durable,
            pins: BTreeMap::new(),
            released: Arc::default(),
            owner_logged: false,
            nonce: parts.nonce,
            seal: parts.seal,
            poisoned: None,
            length: parts.length / crate::units::BLOCK_BYTES,
            punching: Vec::new(),
            pass: None,
            unsynced: 0,
        }
    }

    /// What data is read through under the lock.
    fn content(&self) -> Content<'_> {
        let checksums = &self.state.checksums;
        Content { device: &*self.device, checksums, wait: Wait::Allowed }
    }

    /// An id that no client of this store ever had.
    pub(crate) fn new_client(&mut self) -> ClientId {
        let id = ClientId(self.next_client);
        self.next_client += 1;
        id
    }

    /// How often freed blocks have come back into use.
    pub(crate) fn released(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.released)
    }

    fn note_release(&self) {
        self.released.fetch_add(1, Ordering::AcqRel);
    }

    /// From now on nothing is written: what the device holds is no longer known.
    pub(crate) fn poison(&mut self, reason: &str) {
        tracing::error!("the store stops taking writes: {reason}");
        self.poisoned.get_or_insert_with(|| Arc::from(reason));
    }

    pub(crate) fn check_writable(&self) -> Result<(), StoreError> {
        match &self.poisoned {
            None => Ok(()),
            Some(reason) => Err(StoreError::new(
                Errno::IO,
                format!("write (the store is read-only until it is opened again: {reason})"),
            )),
        }
    }

    fn check_caller(
        &self,
        caller: &Caller,
        what: impl FnOnce() -> String,
    ) -> Result<(), StoreError> {
        let blocklist = &self.state.cluster.blocklist;
        if !blocklist.is_empty() && blocklist.contains(&caller.address.0) {
            return Err(StoreError::new(Errno::BLOCKLISTED, what()));
        }
        Ok(())
    }

    pub(crate) fn is_blocklisted(&self, address: &marcot_store::ClientAddress) -> bool {
        self.state.cluster.blocklist.contains(&address.0)
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("log", &self.log).field("durable", &self.durable).finish()
    }
}

/// The metadata failed under an operation.
pub(crate) fn meta_failed(error: &crate::meta::MetaError, what: &str) -> StoreError {
    StoreError::new(Errno::IO, format!("{what} ({error})"))
}
