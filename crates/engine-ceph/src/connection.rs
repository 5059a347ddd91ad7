//! One connection to a cluster.

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use marcot_store::{ClientAddress, ClientId, Errno, ObjectId, Result, Store, StoreError};

use crate::closing::{self, Closing};
use crate::completion::Needs;
use crate::gate::{Gate, Ticket};
use crate::io_context::{IoContext, IoContexts, View};
use crate::library::{Handle, Librados, librados};
use crate::listing::Cursors;
use crate::store::CephStore;
use crate::watching::WatchTable;
use crate::workers::Workers;

/// How to reach a cluster.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// The cluster's configuration file.
    pub conf: PathBuf,
    /// `client.NAME`; `None` for `client.admin`.
    pub client: Option<String>,
    /// Options that win over the file: (`keyring`, …), (`mon_host`, …).
    pub overrides: Vec<(String, String)>,
}

/// Why a cluster could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// librados is not installed, or too old.
    #[error("{0}")]
    Library(String),
    /// The configuration file cannot be read.
    #[error("cannot read the Ceph configuration {path}: {errno}")]
    Configuration { path: PathBuf, errno: Errno },
    /// An option was refused.
    #[error("Ceph does not take the option {option}: {errno}")]
    Option { option: String, errno: Errno },
    /// The monitors did not answer or refused the key.
    #[error("cannot connect to the Ceph cluster of {path} as {client}: {errno}")]
    Refused { path: PathBuf, client: String, errno: Errno },
}

impl ConnectError {
    /// The errno a front end reports.
    pub fn errno(&self) -> Errno {
        match self {
            ConnectError::Library(_) => Errno::NOENT,
            ConnectError::Configuration { errno, .. }
            | ConnectError::Option { errno, .. }
            | ConnectError::Refused { errno, .. } => *errno,
        }
    }
}

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
    contexts: IoContexts,
}

// SAFETY: librados allows every call on a connected cluster from any thread.
unsafe impl Send for CephCluster {}
// SAFETY: as above.
unsafe impl Sync for CephCluster {}

impl CephCluster {
    /// Connects. Waits for the monitors as long as Ceph's `client_mount_timeout` says.
    pub fn connect(options: &ConnectOptions) -> std::result::Result<Arc<dyn Store>, ConnectError> {
        let rados = librados().map_err(ConnectError::Library)?;
        let client = options.client.clone().unwrap_or_else(|| "client.admin".to_owned());
        let refused = |errno: Errno| ConnectError::Refused {
            path: options.conf.clone(),
            client: client.clone(),
            errno,
        };
        let name = CString::new(client.clone()).map_err(|_| refused(Errno::INVAL))?;
        let mut handle: Handle = ptr::null_mut();
        // SAFETY: all strings live through the call; librados copies them.
        let result =
            unsafe { (rados.create2)(&raw mut handle, c"ceph".as_ptr(), name.as_ptr(), 0) };
        if result < 0 {
            return Err(refused(Errno::from_raw(-result)));
        }
        let unconnected = Unconnected { rados, handle };
        unconnected.read_configuration(&options.conf)?;
        for (option, value) in &options.overrides {
            unconnected.set(option, value)?;
        }
        // SAFETY: the handle is configured and not shared.
        let result = unsafe { (rados.connect)(handle) };
        if result < 0 {
            return Err(refused(Errno::from_raw(-result)));
        }
        std::mem::forget(unconnected);
        // SAFETY: the handle is connected.
        let id = ClientId(unsafe { (rados.get_instance_id)(handle) });
        let address = address_of(rados, handle);
        let cluster = Arc::new(CephCluster {
            rados,
            handle,
            id,
            address,
            watches: WatchTable::default(),
            cursors: Cursors::default(),
            workers: Arc::default(),
            gate: Arc::default(),
            closing: Closing::default(),
            contexts: IoContexts::default(),
        });
        closing::remember(&cluster);
        Ok(Arc::new(CephStore { cluster }))
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

struct Unconnected {
    rados: &'static Librados,
    handle: Handle,
}

impl Unconnected {
    fn read_configuration(&self, path: &Path) -> std::result::Result<(), ConnectError> {
        let refused = |errno: Errno| ConnectError::Configuration { path: path.to_owned(), errno };
        let file =
            CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| refused(Errno::INVAL))?;
        // SAFETY: the string lives through the call.
        match unsafe { (self.rados.conf_read_file)(self.handle, file.as_ptr()) } {
            0.. => Ok(()),
            result => Err(refused(Errno::from_raw(-result))),
        }
    }

    fn set(&self, option: &str, value: &str) -> std::result::Result<(), ConnectError> {
        let refused = |errno: Errno| ConnectError::Option { option: option.to_owned(), errno };
        let name = CString::new(option).map_err(|_| refused(Errno::INVAL))?;
        let value = CString::new(value).map_err(|_| refused(Errno::INVAL))?;
        // SAFETY: both strings live through the call.
        match unsafe { (self.rados.conf_set)(self.handle, name.as_ptr(), value.as_ptr()) } {
            0.. => Ok(()),
            result => Err(refused(Errno::from_raw(-result))),
        }
    }
}

impl Drop for Unconnected {
    fn drop(&mut self) {
        // SAFETY: made by create2 and never connected or shared.
        unsafe { (self.rados.shutdown)(self.handle) }
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
