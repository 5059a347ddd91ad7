//! Who runs a command: the binary that was built here, called `rbd`, or the one of Ceph's package.

use std::fmt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use super::starter::{self, Starter};
use crate::normalise;

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Marcot,
    Ceph,
}

impl Party {
    pub(super) fn other(self) -> Party {
        match self {
            Party::Marcot => Party::Ceph,
            Party::Ceph => Party::Marcot,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Party::Marcot => "marcot",
            Party::Ceph => "ceph",
        })
    }
}

/// Both sides' commands on one cluster.
pub(super) struct Commands {
    conf: PathBuf,
    folder: tempfile::TempDir,
    /// Ours and Ceph's, where there are hundreds of lines to run.
    loaded: Option<[Mutex<Starter>; 2]>,
}

/// What a command said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: Vec<u8>,
    pub(super) errors: Vec<String>,
}

impl Commands {
    pub(super) fn new(conf: &Path) -> Commands {
        let folder = tempfile::tempdir().expect("a folder");
        symlink(env!("CARGO_BIN_EXE_marcot"), folder.path().join("rbd")).expect("a link");
        Commands { conf: conf.to_owned(), folder, loaded: None }
    }

    /// The same for hundreds of lines: each runs in a child of a command that is loaded already.
    pub(super) fn loaded(conf: &Path) -> Commands {
        let commands = Commands::new(conf);
        let library = starter::build(commands.folder());
        let begin = |party| {
            let program = commands.program(party);
            Mutex::new(Starter::begin(commands.prepared(party, Command::new(program)), &library))
        };
        let loaded = Some([begin(Party::Marcot), begin(Party::Ceph)]);
        Commands { loaded, ..commands }
    }

    /// A folder for files and sockets.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `rbd WORDS` of that side. Ceph's can hang, and does not heed a plain end.
    pub(super) fn rbd(&self, party: Party, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", "60"]).arg(self.program(party)).args(words);
        self.prepared(party, command)
    }

    fn program(&self, party: Party) -> PathBuf {
        match party {
            Party::Marcot => self.folder.path().join("rbd"),
            Party::Ceph => "rbd".into(),
        }
    }

    /// With all that a side's command finds in its environment.
    fn prepared(&self, party: Party, mut command: Command) -> Command {
        command.env("CEPH_CONF", &self.conf).env("TZ", "UTC");
        // Images of format 1 are made by force only.
        command.env("RBD_FORCE_ALLOW_V1", "1");
        command.current_dir(self.folder.path()).env_remove("MARCOT_STORE");
        match party {
            Party::Marcot => command.env_remove("CEPH_ARGS"),
            Party::Ceph => command.env("CEPH_ARGS", "--log-to-stderr=false --err-to-stderr=false"),
        };
        command
    }

    /// On this cluster, without what Ceph's programs log.
    pub(super) fn as_ceph(&self, command: &mut Command) {
        command.env("CEPH_CONF", &self.conf);
        command.env("CEPH_ARGS", "--log-to-stderr=false --err-to-stderr=false");
    }

    /// Ceph's `ceph LINE`.
    pub(super) fn ceph(&self, line: &str) -> Command {
        self.of_ceph("ceph", &line.split(' ').collect::<Vec<_>>())
    }

    /// Ceph's `rados WORDS`.
    pub(super) fn rados(&self, words: &[&str]) -> Command {
        self.of_ceph("rados", words)
    }

    fn of_ceph(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", "60", program]).args(words);
        command.env("CEPH_CONF", &self.conf).env_remove("CEPH_ARGS");
        command
    }

    /// Runs it to its end.
    pub(super) fn run(&self, party: Party, words: &[&str]) -> Said {
        let Some(loaded) = &self.loaded else {
            return Said::of(&self.rbd(party, words).output().expect("a process"));
        };
        let starter = &loaded[usize::from(party == Party::Ceph)];
        Said::of(&starter.lock().unwrap_or_else(PoisonError::into_inner).run(words))
    }

    /// Runs what must work.
    pub(super) fn must(&self, party: Party, line: &str) -> Result<Said, String> {
        let said = self.run(party, &line.split(' ').collect::<Vec<_>>());
        match said.code {
            0 => Ok(said),
            _ => Err(format!("{party}: rbd {line}\n{said}")),
        }
    }
}

impl Said {
    fn of(output: &Output) -> Said {
        let errors = normalise::stderr(&String::from_utf8_lossy(&output.stderr));
        Said {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout.clone(),
            // What Ceph only logs, ours says in lines of its own.
            errors: errors.into_iter().filter(|line| !line.starts_with("marcot: ")).collect(),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  exit {}", self.code)?;
        for line in String::from_utf8_lossy(&self.out).lines() {
            writeln!(f, "  > {line}")?;
        }
        for line in &self.errors {
            writeln!(f, "  ! {line}")?;
        }
        Ok(())
    }
}
