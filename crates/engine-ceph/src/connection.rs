//! One connection to a cluster.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use marcot_store::{ClientAddress, ClientId, Errno, ObjectId, Result, Store, StoreError};

use crate::closing::{self, Closing};
use crate::completion::Needs;
use crate::connecting::{ConnectOptions, Ends};
use crate::copyup::CopyupsUnderWay;
use crate::gate::{Gate, Ticket};
use crate::gathering::Gathering;
use crate::io_context::{IoContext, IoContexts, View};
use crate::library::{Handle, Librados};
use crate::listing::Cursors;
use crate::store::CephStore;
use crate::watching::WatchTable;
use crate::workers::Workers;

/// A connected client of a Ceph cluster.
#[derive(Debug)]
pub struct CephCluster {
    pub(crate) rados: &'static Librados,
    pub(crate) handle: Handle,
    pub(crate) id: ClientId,
    pub(crate) address: ClientAddress,
    pub(crate) watches: WatchTable,
    pub(crate) cursors: Cursors,
    pub(crate) workers: Arc<Workers>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) closing: Closing,
    pub(crate) ends: Ends,
    pub(crate) gathering: Arc<Gathering>,
    pub(crate) copyups: Arc<CopyupsUnderWay>,
    contexts: IoContexts,
}

// SAFETY: librados allows every call on a connected cluster from any thread.
unsafe impl Send for CephCluster {}
// SAFETY: as above.
unsafe impl Sync for CephCluster {}

impl CephCluster {
    /// A client of the cluster that `handle` is connected to.
    pub(crate) fn of(
        rados: &'static Librados,
        handle: Handle,
        options: &ConnectOptions,
    ) -> Arc<dyn Store> {
        let mut cluster = CephCluster {
            rados,
            handle,
            // SAFETY: the handle is connected.
            id: ClientId(unsafe { (rados.get_instance_id)(handle) }),
            address: address_of(rados, handle),
            watches: WatchTable::default(),
            cursors: Cursors::default(),
            workers: Arc::default(),
            gate: Arc::default(),
            closing: Closing::default(),
            ends: options.ends,
            gathering: Arc::default(),
            copyups: Arc::default(),
            contexts: IoContexts::new(options.when_full),
        };
        if cluster.configured("admin_socket").is_some_and(|file| !file.is_empty()) {
            cluster.ends = Ends::WithStore;
        }
        let cluster = Arc::new(cluster);
        closing::remember(&cluster);
        Arc::new(CephStore { cluster })
    }

    /// Permission to call librados: the connection stays open until it is dropped.
    pub(crate) fn enter(&self) -> Result<Ticket> {
        self.gate.enter().ok_or_else(|| {
            StoreError::new(Errno::NOTCONN, "the connection to the Ceph cluster is closed")
        })
    }

    /// What an operation in `context` needs.
    pub(crate) fn needs(&self, context: Arc<IoContext>) -> Result<Needs> {
        Ok(Needs { rados: self.rados, context, ticket: self.enter()? })
    }

    /// Where operations on `object` go.
    pub(crate) fn context(&self, object: &ObjectId, view: View) -> Result<Arc<IoContext>> {
        let _ticket = self.enter()?;
        self.contexts.get(self.rados, self.handle, object, view)
    }

    /// Takes no more operations, and waits for those in flight. Whether they have ended.
    pub(crate) fn fall_idle(self: &Arc<CephCluster>, patience: Duration) -> bool {
        self.unregister_all();
        self.gate.close();
        self.cursors.clear();
        self.contexts.clear();
        self.gate.wait(patience)
    }

    /// Shuts the connection down, once, when nothing uses it.
    pub(crate) fn end(&self) {
        // SAFETY: no call is under way and none can begin.
        unsafe {
            (self.rados.watch_flush)(self.handle);
            (self.rados.shutdown)(self.handle);
        }
    }
}

/// The address as `rados_getaddrs` gives it, cut to `HOST:PORT/NONCE` of its first form.
fn address_of(rados: &'static Librados, handle: Handle) -> ClientAddress {
    let mut text: *mut c_char = ptr::null_mut();
    // SAFETY: on success `text` is a C string that librados allocated and we free once.
    let addresses = unsafe {
        if (rados.getaddrs)(handle, &raw mut text) < 0 || text.is_null() {
            return ClientAddress("127.0.0.1:0/0".to_owned());
        }
        let addresses = CStr::from_ptr(text).to_string_lossy().into_owned();
        (rados.buffer_free)(text);
        addresses
    };
    let first = addresses.trim_matches(['[', ']']).split(',').next().unwrap_or_default();
    ClientAddress(
        first
            .split_once(':')
            .map_or(
                first,
                |(kind, rest)| {
                    if matches!(kind, "v1" | "v2" | "any") { rest } else { first }
                },
            )
            .to_owned(),
    )
}

/// `text` for librados; a zero byte cannot be passed.
pub(crate) fn c_string(text: &str, what: &str) -> Result<CString> {
    CString::new(text)
        .map_err(|_| StoreError::new(Errno::INVAL, format!("{what} must not hold a zero byte")))
}
