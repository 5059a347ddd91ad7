//! One connection to a cluster.
//!
//! Closing waits for what is in flight: librados drains in its shutdown, and I/O contexts go first.

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

use marcot_store::{ClientAddress, ClientId, Errno, Store, StoreError};

use crate::io_context::IoContexts;
use crate::library::{Handle, Librados, librados};

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
    pub(crate) contexts: IoContexts,
    pub(crate) watches: crate::watching::WatchTable,
    pub(crate) id: ClientId,
    pub(crate) address: ClientAddress,
}

// SAFETY: librados allows every call on a connected cluster from any thread.
unsafe impl Send for CephCluster {}
// SAFETY: as above.
unsafe impl Sync for CephCluster {}

impl CephCluster {
    /// Connects. Waits for the monitors as long as Ceph's `client_mount_timeout` says.
    pub fn connect(options: &ConnectOptions) -> Result<Arc<dyn Store>, ConnectError> {
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
        let cluster = CephCluster {
            rados,
            handle,
            contexts: IoContexts::default(),
            watches: crate::watching::WatchTable::default(),
            id,
            address,
        };
        Ok(Arc::new(crate::store::CephStore { cluster: Arc::new(cluster) }))
    }
}

impl Drop for CephCluster {
    fn drop(&mut self) {
        self.contexts.clear();
        // SAFETY: the last user of the handle; shutdown waits for what is in flight.
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
    fn read_configuration(&self, path: &Path) -> Result<(), ConnectError> {
        let refused = |errno: Errno| ConnectError::Configuration { path: path.to_owned(), errno };
        let file =
            CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| refused(Errno::INVAL))?;
        // SAFETY: the string lives through the call.
        match unsafe { (self.rados.conf_read_file)(self.handle, file.as_ptr()) } {
            0.. => Ok(()),
            result => Err(refused(Errno::from_raw(-result))),
        }
    }

    fn set(&self, option: &str, value: &str) -> Result<(), ConnectError> {
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
pub(crate) fn c_string(text: &str, what: &str) -> Result<CString, StoreError> {
    CString::new(text)
        .map_err(|_| StoreError::new(Errno::INVAL, format!("{what} must not hold a zero byte")))
}
