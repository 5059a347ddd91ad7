//! Getting to a store.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use marcot_engine_ceph::{Ends, WhenFull};
use marcot_host::client::{DialError, FindError, Patience, ResidentOwner, dial};
use marcot_host::process::this_process;
use marcot_host::protocol::request::Hello;
use marcot_host::spawn::HostProgram;
use marcot_host::{FindOwner, RemoteStore};
use marcot_store::session::Sessions;
use marcot_store::{Env, Errno, Store};

use crate::directory::{self, DirectoryError};
use crate::engines::{self, CephIdentity, EngineError};
use crate::env::ProcessEnv;
use crate::holder::{Holder, holder};
use crate::spec::StoreSpec;

/// Longest pause between two tries for the lock.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// For tasks that are left when a connection is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long the caller means to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// A short command: in this process if the store is free.
    Transient,
    /// Whatever lasts: at the store's resident host, so that others can work meanwhile.
    Resident,
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("cannot open {spec}: {error}")]
    Engine { spec: StoreSpec, error: EngineError },
    #[error("cannot reach {spec}: {error}")]
    Owner { spec: StoreSpec, error: FindError },
    #[error(
        "{spec} is still in use by {} after {} s: wait for it to end, or try again",
        holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string),
        waited.as_secs()
    )]
    Busy { spec: StoreSpec, holder: Option<Holder>, waited: Duration },
}

impl ConnectError {
    /// The errno that stands for it.
    pub fn errno(&self) -> Errno {
        match self {
            ConnectError::Directory(error) => error.errno(),
            ConnectError::Engine { error, .. } => error.errno(),
            ConnectError::Owner { error, .. } => error.errno(),
            ConnectError::Busy { .. } => Errno::BUSY,
        }
    }
}

/// How a store was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The engine runs in this process.
    InProcess,
    /// Through the resident host with this process id.
    Host(u32),
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reached::InProcess => f.write_str("in this process"),
            Reached::Host(pid) => write!(f, "through its host, process {pid}"),
        }
    }
}

/// A store, and the outside world to use it with.
pub struct Connection {
    pub store: Arc<dyn Store>,
    pub env: Arc<dyn Env>,
    pub spec: StoreSpec,
    pub reached: Reached,
    /// For jobs at the store's host; `None` when there is no host.
    pub remote: Option<Arc<RemoteStore>>,
    process_env: ProcessEnv,
    /// Keeps the engine, and with it the lock.
    _engine: Option<Arc<dyn Sessions>>,
}

impl Connection {
    /// Lets the store go, and tasks that still run come to their end: a notification that nobody
    /// waits for, say. What others hold of the store keeps it open.
    pub fn close(self) {
        let Connection { store, remote, env, process_env, .. } = self;
        drop((store, remote, env));
        if !process_env.drain(FAREWELL) {
            tracing::debug!("tasks are left at the end");
        }
    }
}

/// What is told while the store is not free.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Ways and limits of getting to a store.
#[derive(Clone)]
pub struct Connector {
    pub patience: Patience,
    /// How a host is run, for the store at that path; by default this binary with
    /// `host --store dir:PATH`.
    pub host_program: fn(&Path) -> HostProgram,
    /// Told once, when the store has been busy for [`Connector::notice_after`].
    pub notice: Option<Notice>,
    pub notice_after: Duration,
    pub ceph: CephIdentity,
    /// On a Ceph cluster. An embedded store that is full waits for nothing.
    pub when_full: WhenFull,
    /// On a Ceph cluster. An embedded store ends with its last handle.
    pub ends: Ends,
}

impl Default for Connector {
    fn default() -> Connector {
        Connector {
            patience: Patience::default(),
            host_program: marcot_host_program,
            notice: None,
            notice_after: Duration::from_secs(1),
            ceph: CephIdentity::default(),
            when_full: WhenFull::default(),
            ends: Ends::default(),
        }
    }
}

fn marcot_host_program(directory: &Path) -> HostProgram {
    let mut spec = OsString::from("dir:");
    spec.push(directory);
    HostProgram::this_binary(vec!["host".into(), "--store".into(), spec, "--detach".into()])
}

/// Gets to a store with the usual limits.
pub fn connect(spec: &StoreSpec, lifetime: Lifetime) -> Result<Connection, ConnectError> {
    Connector::default().connect(spec, lifetime)
}

impl Connector {
    /// Gets to a store.
    pub fn connect(
        &self,
        spec: &StoreSpec,
        lifetime: Lifetime,
    ) -> Result<Connection, ConnectError> {
        let failed = |error| ConnectError::Engine { spec: spec.clone(), error };
        match (spec, lifetime) {
            (StoreSpec::Memory, _) => {
                let env = Arc::new(ProcessEnv::default());
                Ok(in_process(spec, engines::open_memory(env).map_err(failed)?, None))
            }
            (StoreSpec::Ceph(configuration), _) => {
                let opened = self.patiently(configuration, || {
                    engines::open_ceph(configuration, &self.ceph, self.when_full, self.ends)
                        .map_err(failed)
                });
                Ok(in_process(spec, opened?, None))
            }
            (StoreSpec::Dir(path), Lifetime::Transient) => {
                self.transient(spec, &directory::prepare(path)?)
            }
            (StoreSpec::Dir(path), Lifetime::Resident) => {
                let finder = self.finder(directory::prepare(path)?);
                let remote = RemoteStore::connect(finder, self.patience);
                Ok(at_host(spec, remote.map_err(|error| owner(spec, error))?))
            }
        }
    }

    /// Does what a cluster that does not answer can hold up for minutes, and says so meanwhile.
    fn patiently<T>(&self, configuration: &Path, connect: impl FnOnce() -> T) -> T {
        let Some(notice) = self.notice.clone() else { return connect() };
        let (done, waiting) = mpsc::channel::<()>();
        let after = self.notice_after;
        let of = match configuration.as_os_str().is_empty() {
            true => String::new(),
            false => format!(" of {}", configuration.display()),
        };
        let text = format!(
            "waiting for the Ceph cluster{of} to answer (--connect-timeout SECONDS limits it)"
        );
        // Not joined: it ends as soon as `done` is gone.
        let told = thread::Builder::new().spawn(move || {
            if waiting.recv_timeout(after) == Err(mpsc::RecvTimeoutError::Timeout) {
                notice(&text);
            }
        });
        if let Err(error) = told {
            tracing::debug!("no thread to say that we wait: {error}");
        }
        let connected = connect();
        drop(done);
        connected
    }

    fn finder(&self, directory: PathBuf) -> Arc<dyn FindOwner> {
        let program = (self.host_program)(&directory);
        Arc::new(ResidentOwner::new(directory, program, self.patience))
    }

    /// Takes the store, or goes to its host, or waits for whoever has it.
    fn transient(&self, spec: &StoreSpec, directory: &Path) -> Result<Connection, ConnectError> {
        let mut waited = Duration::ZERO;
        let mut told = false;
        let env: Arc<dyn Env> = Arc::new(ProcessEnv::default());
        loop {
            match engines::open_directory(directory, &env) {
                Ok(engine) => {
                    let sessions = engines::sessions(&engine);
                    return Ok(in_process(spec, sessions.client(), Some(sessions)));
                }
                Err(EngineError::Busy) => {}
                Err(error) => return Err(ConnectError::Engine { spec: spec.clone(), error }),
            }
            if let Some(remote) = self.host_if_any(spec, directory)? {
                return Ok(at_host(spec, remote));
            }
            if waited >= self.patience.owner {
                let holder = holder(directory);
                return Err(ConnectError::Busy { spec: spec.clone(), holder, waited });
            }
            if waited >= self.notice_after && !told {
                self.tell(directory);
                told = true;
            }
            let pause = pause(waited);
            thread::sleep(pause);
            waited += pause;
        }
    }

    /// A client of the host that serves the store now; `None` when none does.
    pub(crate) fn host_if_any(
        &self,
        spec: &StoreSpec,
        directory: &Path,
    ) -> Result<Option<Arc<RemoteStore>>, ConnectError> {
        let connected = || -> Result<Arc<RemoteStore>, FindError> {
            let process = this_process().map_err(DialError::Io)?;
            let hello = Hello { process, resume: None };
            let greeted = dial(directory, &hello, &self.patience)?;
            RemoteStore::greeted(greeted, self.finder(directory.to_owned()), self.patience)
        };
        match connected() {
            Ok(remote) => Ok(Some(remote)),
            Err(FindError::Dial(DialError::Nobody | DialError::Leaving)) => Ok(None),
            Err(error) => Err(owner(spec, error)),
        }
    }

    fn tell(&self, directory: &Path) {
        if let Some(notice) = &self.notice {
            match holder(directory) {
                Some(holder) => notice(&format!("waiting for {holder}, which uses the store")),
                None => notice("waiting for another process, which uses the store"),
            }
        }
    }
}

fn owner(spec: &StoreSpec, error: FindError) -> ConnectError {
    ConnectError::Owner { spec: spec.clone(), error }
}

/// Grows with the time waited, and differs between processes so that they do not march in step.
fn pause(waited: Duration) -> Duration {
    let jitter = Duration::from_micros(u64::from(getrandom::u32().unwrap_or(0) % 2000));
    (waited / 4 + jitter).clamp(Duration::from_micros(200), LONGEST_PAUSE)
}

fn in_process(
    spec: &StoreSpec,
    store: Arc<dyn Store>,
    engine: Option<Arc<dyn Sessions>>,
) -> Connection {
    assemble(spec, store, Reached::InProcess, None, engine)
}

fn at_host(spec: &StoreSpec, remote: Arc<RemoteStore>) -> Connection {
    let reached = Reached::Host(remote.owner());
    assemble(spec, Arc::clone(&remote) as Arc<dyn Store>, reached, Some(remote), None)
}

/// The wrappers that every store wears, innermost first, in this one list.
fn assemble(
    spec: &StoreSpec,
    store: Arc<dyn Store>,
    reached: Reached,
    remote: Option<Arc<RemoteStore>>,
    engine: Option<Arc<dyn Sessions>>,
) -> Connection {
    let process_env = ProcessEnv::default();
    let env = Arc::new(process_env.clone());
    Connection { store, env, spec: spec.clone(), reached, remote, process_env, _engine: engine }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("spec", &self.spec)
            .field("reached", &self.reached)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("patience", &self.patience).finish_non_exhaustive()
    }
}
