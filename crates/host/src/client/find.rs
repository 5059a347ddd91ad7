//! Finding the owner of a store, and starting one when there is none.
//!
//! The rule is the same at the start and after an owner's death: ask the socket; when nobody
//! listens, start a host, which itself waits for the store's lock, and ask again. Nothing here
//! touches the lock: a store is never taken from a process that lives.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use marcot_store::{ClientId, Errno};

use super::Patience;
use super::dial::{DialError, Greeted, dial};
use crate::process::this_process;
use crate::protocol::request::Hello;
use crate::spawn::{HostProgram, HostState, StartedHost};

/// Longest pause between two looks at the socket.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Why no owner was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the store's host could not be started: {0}")]
    Start(io::Error),
    #[error("the store's host ended at once, {0}")]
    Failed(String),
    #[error("the store's host did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

impl FindError {
    /// The errno that stands for it.
    pub fn errno(&self) -> Errno {
        match self {
            FindError::Dial(DialError::Refused { error, .. }) => error.errno,
            FindError::Dial(DialError::Silent { .. }) | FindError::TimedOut(_) => Errno::TIMEDOUT,
            FindError::Dial(DialError::OtherUser { .. }) => Errno::ACCES,
            FindError::Dial(_) | FindError::Start(_) | FindError::Failed(_) => Errno::NOTCONN,
        }
    }
}

/// How a client gets to its store's owner.
pub trait FindOwner: Send + Sync + Debug {
    /// Blocks until an owner has greeted this client, as `resume` if given.
    fn find(&self, resume: Option<ClientId>) -> Result<Greeted, FindError>;
}

/// The resident host of a directory, started when there is none.
#[derive(Debug)]
pub struct ResidentOwner {
    directory: PathBuf,
    program: HostProgram,
    patience: Patience,
    started: Mutex<Option<StartedHost>>,
}

impl ResidentOwner {
    pub fn new(directory: PathBuf, program: HostProgram, patience: Patience) -> ResidentOwner {
        ResidentOwner { directory, program, patience, started: Mutex::new(None) }
    }

    /// Sees to it that a host is on its way.
    fn start_unless_starting(&self) -> Result<(), FindError> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = started.as_mut() {
            match host.state().map_err(FindError::Start)? {
                HostState::Running => return Ok(()),
                HostState::Ended => {}
                HostState::Failed(words) => {
                    *started = None;
                    return Err(FindError::Failed(words));
                }
            }
        }
        *started = Some(self.program.start(&self.directory).map_err(FindError::Start)?);
        Ok(())
    }

    /// Forgets a host of ours that was killed, so that its death is not taken for a failed start.
    fn reap(&self) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if started.as_mut().is_some_and(|host| !matches!(host.state(), Ok(HostState::Running))) {
            *started = None;
        }
    }
}

impl FindOwner for ResidentOwner {
    fn find(&self, resume: Option<ClientId>) -> Result<Greeted, FindError> {
        let process = this_process().map_err(DialError::Io)?;
        let hello = Hello { process, resume };
        self.reap();
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(1);
        loop {
            match dial(&self.directory, &hello, &self.patience) {
                Ok(greeted) => return Ok(greeted),
                Err(DialError::Nobody) => self.start_unless_starting()?,
                Err(DialError::Leaving) => {}
                Err(error) => return Err(error.into()),
            }
            if waited >= self.patience.owner {
                return Err(FindError::TimedOut(self.patience.owner));
            }
            thread::sleep(pause);
            waited += pause;
            pause = next_pause(pause, process.pid);
        }
    }
}

/// Grows by half, a little differently in each process.
fn next_pause(pause: Duration, pid: u32) -> Duration {
    (pause * 3 / 2 + Duration::from_micros(u64::from(pid % 500))).min(LONGEST_PAUSE)
}
