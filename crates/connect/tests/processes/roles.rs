//! This test binary as another process: `--exact roles::role` with a role in the environment.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use marcot_connect::{Connection, Connector, Lifetime, StoreSpec, run_resident};
use marcot_host::client::Patience;
use marcot_host::jobs::NoJobs;
use marcot_host::server::Limits;
use marcot_host::socket;
use marcot_host::spawn::{HostProgram, detach};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process};

use crate::counting::count_on;

const ROLE: &str = "MARCOT_TEST_ROLE";
const DIRECTORY: &str = "MARCOT_TEST_DIRECTORY";
const NUMBER: &str = "MARCOT_TEST_NUMBER";
const ROUNDS: &str = "MARCOT_TEST_ROUNDS";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// A resident host.
    Host,
    /// Counts through a host.
    Resident,
    /// Counts in many short commands, one batch each.
    Transient,
    /// Holds the store in process until killed.
    Holder,
}

impl Role {
    const ALL: [Role; 4] = [Role::Host, Role::Resident, Role::Transient, Role::Holder];
}

/// Does nothing unless this process was started to play a role.
#[test]
fn role() {
    let Ok(name) = env::var(ROLE) else { return };
    let directory = PathBuf::from(env::var_os(DIRECTORY).unwrap());
    let number = || env::var(NUMBER).unwrap().parse().unwrap();
    let rounds = || env::var(ROUNDS).unwrap().parse().unwrap();
    let role = Role::ALL.into_iter().find(|role| format!("{role:?}") == name).unwrap();
    match role {
        Role::Host => {
            detach();
            let limits = Limits { idle: Duration::from_millis(500), ..Limits::default() };
            run_resident(&StoreSpec::Dir(directory), Arc::new(NoJobs), limits).unwrap();
        }
        Role::Resident => {
            let connection = connect(&directory, Lifetime::Resident);
            pollster::block_on(count_on(&*connection.store, number(), rounds()));
            connection.close();
        }
        Role::Transient => {
            for _ in 0..rounds() {
                let connection = connect(&directory, Lifetime::Transient);
                pollster::block_on(count_on(&*connection.store, number(), 1));
                connection.close();
            }
        }
        Role::Holder => {
            let _connection = connect(&directory, Lifetime::Transient);
            println!("holding");
            thread::sleep(Duration::from_secs(600));
        }
    }
}

fn arguments() -> [&'static str; 4] {
    ["--exact", "roles::role", "--nocapture", "--quiet"]
}

fn host_program(directory: &Path) -> HostProgram {
    let role = format!("{:?}", Role::Host);
    HostProgram {
        program: env::current_exe().unwrap(),
        name: "host".into(),
        arguments: arguments().map(Into::into).to_vec(),
        environment: vec![(ROLE.into(), role.into()), (DIRECTORY.into(), directory.into())],
    }
}

pub(crate) fn connector() -> Connector {
    Connector { host_program, ..Connector::default() }
}

pub(crate) fn impatient(owner: Duration) -> Connector {
    Connector { patience: Patience { owner, ..Patience::default() }, ..connector() }
}

pub(crate) fn connect(directory: &Path, lifetime: Lifetime) -> Connection {
    connector().connect(&StoreSpec::Dir(directory.to_owned()), lifetime).unwrap()
}

/// Runs a role as a child.
pub(crate) fn start(role: Role, directory: &Path, number: u32, rounds: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(arguments())
        .env(ROLE, format!("{role:?}"))
        .env(DIRECTORY, directory)
        .env(NUMBER, number.to_string())
        .env(ROUNDS, rounds.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Who listens now.
pub(crate) fn owner(directory: &Path) -> Option<Pid> {
    let stream = socket::connect(directory).ok()??;
    Some(socket_peercred(&stream).unwrap().pid)
}

pub(crate) fn signal(pid: Pid, signal: Signal) {
    // It may have ended by itself.
    let _ = kill_process(pid, signal);
}

/// A directory whose host is gone when the test ends.
pub(crate) struct StoreDirectory(tempfile::TempDir);

impl StoreDirectory {
    pub(crate) fn new() -> StoreDirectory {
        StoreDirectory(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for StoreDirectory {
    fn drop(&mut self) {
        while let Some(pid) = owner(self.path()) {
            signal(pid, Signal::KILL);
            thread::sleep(Duration::from_millis(5));
        }
    }
}
