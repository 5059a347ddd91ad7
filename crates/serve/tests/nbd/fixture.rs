//! A running server on a socket of its own, and ways to run tools against it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use marcot_serve::nbd::export::ExportAccess;
use marcot_serve::nbd::{Export, Exports, Limits, Listener, Server};
use tokio::sync::oneshot;

use crate::ram::Ram;

pub struct Fixture {
    pub folder: tempfile::TempDir,
    pub export: Arc<Ram>,
    pub server: Server,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<tokio::runtime::Runtime>,
    served: Option<tokio::task::JoinHandle<()>>,
}

pub const SIZE: u64 = 32 << 20;

impl Fixture {
    pub fn writable() -> Fixture {
        Fixture::start(Ram::new(SIZE, ExportAccess::ReadWrite), Limits::default())
    }

    pub fn read_only() -> Fixture {
        Fixture::start(Ram::new(SIZE, ExportAccess::ReadOnly), Limits::default())
    }

    pub fn start(export: Ram, limits: Limits) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let export = Arc::new(export);
        let exported: Arc<dyn Export> = export.clone();
        let server = Server::new(Exports::single("rbd/disk", exported), limits);
        let path = folder.path().join("nbd");
        let listener = Listener::bind_unix(&path).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server.clone();
        let served = runtime.spawn(async move {
            serving.serve(listener, async { drop(stopped.await) }).await.unwrap();
        });
        Fixture {
            folder,
            export,
            server,
            stop: Some(stop),
            runtime: Some(runtime),
            served: Some(served),
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("nbd")
    }

    pub fn uri(&self) -> String {
        format!("nbd+unix:///?socket={}", self.socket().display())
    }

    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn begin_shutdown(&mut self) {
        self.stop.take();
    }

    pub fn wait_for_shutdown(&mut self) {
        let served = self.served.take().unwrap();
        self.runtime.as_ref().unwrap().block_on(served).unwrap();
    }

    pub fn mode(&self) -> u32 {
        std::fs::metadata(self.socket()).unwrap().permissions().mode() & 0o777
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// Runs a tool for at most a minute; its standard output. Panics with both outputs on failure.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = attempt(program, arguments);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stdout}\n{stderr}");
    stdout
}

pub fn attempt(program: &str, arguments: &[&str]) -> Output {
    Command::new("timeout")
        .arg("60")
        .arg(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"))
}
