//! Starting the resident host of a store as a process of its own.
//!
//! The binary runs itself again with arguments that make it a host. The child gets an almost empty
//! environment, no standard input or output, and a log file in the store's directory; it puts
//! itself into a session of its own ([`detach`]), so that no terminal takes it along.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The host's log in the store's directory.
pub const LOG_NAME: &str = "host.log";
/// Where the log goes when it has grown.
const OLD_LOG_NAME: &str = "host.log.old";
/// A log longer than this makes place for a new one.
pub(crate) const LOG_LIMIT: u64 = 1 << 20;
/// How much of the log's end an error shows.
const SHOWN_OF_LOG: u64 = 2048;
/// What a host may see of its starter's environment.
const KEPT_VARIABLES: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "RUST_BACKTRACE", "MARCOT_LOG"];

/// How to run a host.
#[derive(Clone, Debug)]
pub struct HostProgram {
    pub program: PathBuf,
    /// What the process calls itself (`argv[0]`).
    pub name: OsString,
    pub arguments: Vec<OsString>,
    /// Added to the few variables that are kept.
    pub environment: Vec<(OsString, OsString)>,
}

impl HostProgram {
    /// This very binary, also when its file has been replaced since it started.
    pub fn this_binary(arguments: Vec<OsString>) -> HostProgram {
        HostProgram {
            program: PathBuf::from("/proc/self/exe"),
            name: OsString::from("marcot"),
            arguments,
            environment: Vec::new(),
        }
    }

    /// Starts the host of the store in `directory`, and does not wait for it.
    pub fn start(&self, directory: &Path) -> io::Result<StartedHost> {
        let log = open_log(directory)?;
        let log_start = log.metadata()?.len();
        let mut command = Command::new(&self.program);
        command.arg0(&self.name).args(&self.arguments).env_clear();
        for name in KEPT_VARIABLES {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/");
        Ok(StartedHost { child: command.spawn()?, log: directory.join(LOG_NAME), log_start })
    }
}

/// A host that this process started.
#[derive(Debug)]
pub struct StartedHost {
    child: Child,
    log: PathBuf,
    log_start: u64,
}

/// What became of a started host.
#[derive(Debug, PartialEq, Eq)]
pub enum HostState {
    Running,
    /// It found that another one serves the store, or had nothing to do any more, or was killed,
    /// which is no fault of its own.
    Ended,
    /// With the last words of its log.
    Failed(String),
}

impl StartedHost {
    /// Looks at the process without waiting.
    pub fn state(&mut self) -> io::Result<HostState> {
        Ok(match self.child.try_wait()? {
            None => HostState::Running,
            Some(status) if status.success() || status.signal().is_some() => HostState::Ended,
            Some(status) => HostState::Failed(format!("{status}: {}", self.last_words())),
        })
    }

    fn last_words(&self) -> String {
        let read = || -> io::Result<String> {
            let mut log = File::open(&self.log)?;
            let end = log.metadata()?.len();
            let start = self.log_start.min(end).max(end.saturating_sub(SHOWN_OF_LOG));
            log.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            log.take(SHOWN_OF_LOG).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        read().unwrap_or_else(|error| format!("its log cannot be read: {error}"))
    }
}

fn open_log(directory: &Path) -> io::Result<File> {
    let path = directory.join(LOG_NAME);
    if fs::metadata(&path).is_ok_and(|found| found.len() > LOG_LIMIT) {
        fs::rename(&path, directory.join(OLD_LOG_NAME))?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Takes the calling process out of its starter's terminal session. For the first moments of a host
/// that [`HostProgram::start`] started; a process that leads a group already stays where it is.
pub fn detach() {
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "staying in the session of the starter");
    }
}
