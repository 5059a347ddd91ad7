//! This test binary as another process: `--exact roles::role` with a role in the environment.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use marcot_engine_dir::{CreateOptions, DirEngine, OpenError, OpenOptions};
use marcot_host::client::{Patience, RemoteStore, ResidentOwner};
use marcot_host::jobs::Jobs;
use marcot_host::server::{Host, Limits, resident};
use marcot_host::socket;
use marcot_host::spawn::{HostProgram, detach};
use marcot_store::Env;
use marcot_testkit::{SampleClasses, ThreadEnv};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process};

use crate::jobs::Greeters;
use crate::killed_owners;

const ROLE: &str = "MARCOT_TEST_ROLE";
const DIRECTORY: &str = "MARCOT_TEST_DIRECTORY";
const NUMBER: &str = "MARCOT_TEST_NUMBER";

/// Does nothing unless this process was started to play a role.
#[test]
fn role() {
    let Ok(role) = env::var(ROLE) else { return };
    let directory = PathBuf::from(env::var_os(DIRECTORY).unwrap());
    match role.as_str() {
        "host" => host(&directory),
        "client" => {
            let number = env::var(NUMBER).unwrap().parse().unwrap();
            killed_owners::client(&directory, number);
        }
        other => panic!("no role {other}"),
    }
}

/// Serves the store, waiting for it if need be, unless another host does.
fn host(directory: &Path) {
    detach();
    let env: Arc<dyn Env> = Arc::new(ThreadEnv::new(u64::from(std::process::id())));
    let engine = loop {
        let options = OpenOptions::new(Arc::new(SampleClasses), Arc::clone(&env));
        match DirEngine::open(directory, options) {
            Ok(engine) => break engine,
            Err(OpenError::NotFound { .. }) => {
                let new = CreateOptions { pools: Vec::new(), ..CreateOptions::new(env.clone()) };
                // Another host may be faster.
                let _ = DirEngine::create(directory, &new);
            }
            Err(OpenError::Busy { .. }) => {
                if socket::connect(directory).unwrap().is_some() {
                    return;
                }
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => panic!("{error}"),
        }
    };
    let limits = Limits { idle: Duration::from_millis(500), ..Limits::default() };
    let jobs: Arc<dyn Jobs> = Arc::new(Greeters);
    resident(directory, Host { sessions: engine.sessions(), jobs, limits }).unwrap();
}

fn arguments() -> [&'static str; 4] {
    ["--exact", "roles::role", "--nocapture", "--quiet"]
}

pub(crate) fn host_program(directory: &Path) -> HostProgram {
    HostProgram {
        program: env::current_exe().unwrap(),
        name: "host".into(),
        arguments: arguments().map(Into::into).to_vec(),
        environment: vec![(ROLE.into(), "host".into()), (DIRECTORY.into(), directory.into())],
    }
}

/// Runs `role` as a child.
pub(crate) fn start(role: &str, directory: &Path, number: u32) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(arguments())
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .env(NUMBER, number.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A client of the store's host, which is started if need be.
pub(crate) fn connect(directory: &Path, patience: Patience) -> Arc<RemoteStore> {
    let program = host_program(directory);
    let finder = ResidentOwner::new(directory.to_owned(), program, patience);
    RemoteStore::connect(Arc::new(finder), patience).unwrap()
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

/// Stops a process, all its threads.
pub(crate) fn stop(pid: Pid) {
    signal(pid, Signal::STOP);
    let stopped = |task: std::io::Result<fs::DirEntry>| {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    };
    while !fs::read_dir(format!("/proc/{pid}/task")).unwrap().all(stopped) {
        thread::sleep(Duration::from_millis(1));
    }
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
            signal(pid, Signal::CONT);
            signal(pid, Signal::KILL);
            thread::sleep(Duration::from_millis(5));
        }
    }
}
