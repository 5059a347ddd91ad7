//! Getting to a cluster: where its configuration is, who we are, and what is said beside.
//!
//! As Ceph's own clients do it: the configuration file, then `CEPH_ARGS` and `CEPH_KEYRING`, then
//! what the caller says, then (while connecting) the monitors' configuration. Values may be secret:
//! no message and no `Debug` text holds one.

use std::ffi::CString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

use marcot_store::{Errno, Store};

use crate::connection::CephCluster;
use crate::library::{Handle, Librados, librados};

/// How to reach a cluster.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// The cluster's configuration file; `None` for where Ceph looks (`/etc/ceph/CLUSTER.conf` and
    /// others), and none need be there.
    pub conf: Option<PathBuf>,
    /// The cluster's name, which is part of those files' names; `None` for `ceph`.
    pub cluster: Option<String>,
    /// The client's name without `client.`; `None` for `admin`.
    pub client: Option<String>,
    /// Options that win over the file: (`keyring`, …), (`mon_host`, …).
    pub overrides: Vec<(String, String)>,
    pub when_full: WhenFull,
    pub ends: Ends,
}

/// When a connection that nobody uses any more is shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// With the last handle of the store.
    #[default]
    WithStore,
    /// Never: the process is about to end, and the kernel closes what is open. The last handle only
    /// ends watches and waits for what is in flight. Saves a short command the shutdown of a dozen
    /// threads. A client with an admin socket is shut down all the same, since that removes its file.
    WithProcess,
}

/// What becomes of changes while a pool is full: over its quota, or on OSDs without room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// They wait for room.
    #[default]
    Wait,
    /// They are tried, and what needs more room fails with `EDQUOT` or `ENOSPC`: for a client that
    /// is there to free room.
    Try,
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self.overrides.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ConnectOptions")
            .field("conf", &self.conf)
            .field("cluster", &self.cluster)
            .field("client", &self.client)
            .field("overrides", &named)
            .field("when_full", &self.when_full)
            .field("ends", &self.ends)
            .finish()
    }
}

/// Why a cluster could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// librados is not installed, or too old.
    #[error("{0}")]
    Library(String),
    /// A name that librados does not take.
    #[error("'{0}' is no name that Ceph takes")]
    Name(String),
    /// The configuration file cannot be read.
    #[error("cannot read the Ceph configuration {path}: {errno}")]
    Configuration { path: PathBuf, errno: Errno },
    /// An option was refused.
    #[error("Ceph does not take the option {option}: {errno}")]
    Option { option: String, errno: Errno },
    /// The monitors did not answer or refused the key.
    #[error("cannot connect to the Ceph cluster as {client}: {errno}{}", hint(*errno))]
    Refused { client: String, errno: Errno },
}

/// What is usually behind it.
fn hint(errno: Errno) -> &'static str {
    match errno {
        Errno::NOENT => ": no monitor is configured, or the client's keyring was not found",
        Errno::ACCES | Errno::PERM => ": the monitors do not take the client's key",
        Errno::TIMEDOUT => ": no monitor answered",
        _ => "",
    }
}

impl ConnectError {
    /// The errno a front end reports.
    pub fn errno(&self) -> Errno {
        match self {
            ConnectError::Library(_) => Errno::NOENT,
            ConnectError::Name(_) => Errno::INVAL,
            ConnectError::Configuration { errno, .. }
            | ConnectError::Option { errno, .. }
            | ConnectError::Refused { errno, .. } => *errno,
        }
    }
}

impl CephCluster {
    /// Connects. Waits for the monitors as long as Ceph's `client_mount_timeout` says.
    pub fn connect(options: &ConnectOptions) -> Result<Arc<dyn Store>, ConnectError> {
        let rados = librados().map_err(ConnectError::Library)?;
        let client = format!("client.{}", options.client.as_deref().unwrap_or("admin"));
        let unconnected = Unconnected::create(rados, options.cluster.as_deref(), &client)?;
        unconnected.read_configuration(options.conf.as_deref())?;
        for (option, value) in &options.overrides {
            unconnected.set(option, value)?;
        }
        // SAFETY: the handle is configured and not shared.
        match unsafe { (rados.connect)(unconnected.handle) } {
            0.. => Ok(CephCluster::of(rados, unconnected.connected(), options)),
            result => Err(ConnectError::Refused { client, errno: Errno::from_raw(-result) }),
        }
    }
}

/// A handle that is being configured.
struct Unconnected {
    rados: &'static Librados,
    handle: Handle,
}

impl Unconnected {
    fn create(
        rados: &'static Librados,
        cluster: Option<&str>,
        client: &str,
    ) -> Result<Unconnected, ConnectError> {
        let text = |text: &str| CString::new(text).map_err(|_| ConnectError::Name(text.to_owned()));
        let (cluster, name) = (text(cluster.unwrap_or("ceph"))?, text(client)?);
        let mut handle: Handle = ptr::null_mut();
        // SAFETY: both strings live through the call; librados copies them.
        match unsafe { (rados.create2)(&raw mut handle, cluster.as_ptr(), name.as_ptr(), 0) } {
            0.. => Ok(Unconnected { rados, handle }),
            _ => Err(ConnectError::Name(client.to_owned())),
        }
    }

    /// Without a file librados looks in its usual places, and whoever names the monitors otherwise
    /// needs none. `CEPH_ARGS` and `CEPH_KEYRING` were read with the handle's creation, and win.
    fn read_configuration(&self, path: Option<&Path>) -> Result<(), ConnectError> {
        let refused = |errno: Errno| {
            let path = path.unwrap_or(Path::new("of this system")).to_owned();
            Err(ConnectError::Configuration { path, errno })
        };
        let Ok(file) =
            path.map(|path| CString::new(path.as_os_str().as_encoded_bytes())).transpose()
        else {
            return refused(Errno::INVAL);
        };
        let pointer = file.as_ref().map_or(ptr::null(), |file| file.as_ptr());
        // SAFETY: the string, if there is one, lives through the call.
        match unsafe { (self.rados.conf_read_file)(self.handle, pointer) } {
            0.. => Ok(()),
            result if path.is_none() && Errno::from_raw(-result) == Errno::NOENT => Ok(()),
            result => refused(Errno::from_raw(-result)),
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

    /// The handle, which is somebody else's to shut down from now on.
    fn connected(self) -> Handle {
        let handle = self.handle;
        std::mem::forget(self);
        handle
    }
}

impl Drop for Unconnected {
    fn drop(&mut self) {
        // SAFETY: made by create2 and never connected or shared.
        unsafe { (self.rados.shutdown)(self.handle) }
    }
}
