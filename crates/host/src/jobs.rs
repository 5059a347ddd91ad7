//! Work that runs beside the data on behalf of another process.
//!
//! What lasts and moves much data (an NBD export) runs inside the owner. The process that wants it
//! stays, keeps its listening socket open and passes it along; when the owner dies it starts the
//! same job at the next owner. A job lives as long as its caller's connection. The crate knows
//! nothing of what jobs do: the binary injects [`Jobs`], and kinds and bodies are its own.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use marcot_store::{Errno, Store, StoreError};

/// What a process asks to be run.
#[derive(Debug)]
pub struct JobRequest {
    /// Names the job to the binary, `nbd` say.
    pub kind: String,
    /// What the job needs to know, encoded as the binary likes.
    pub body: Bytes,
    /// Open files, listening sockets above all.
    pub files: Vec<OwnedFd>,
}

/// A job that has begun.
pub struct RunningJob {
    /// Told to the caller at once.
    pub started: Bytes,
    /// Runs the job to its end. What it yields is told to the caller.
    pub run: BoxFuture<'static, Result<Bytes, StoreError>>,
}

/// Resolves when the job is to end: its caller asked, has gone, or the owner shuts down.
pub type Stop = BoxFuture<'static, ()>;

/// What an owner can run for others.
pub trait Jobs: Send + Sync {
    /// Begins a job as a client of its own. Runs on the owner's tokio runtime.
    fn start(
        &self,
        request: JobRequest,
        store: Arc<dyn Store>,
        stop: Stop,
    ) -> BoxFuture<'static, Result<RunningJob, StoreError>>;
}

/// An owner that only stores.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJobs;

impl Jobs for NoJobs {
    fn start(
        &self,
        request: JobRequest,
        _store: Arc<dyn Store>,
        _stop: Stop,
    ) -> BoxFuture<'static, Result<RunningJob, StoreError>> {
        let error = StoreError::new(Errno::OPNOTSUPP, format!("start job {}", request.kind));
        Box::pin(async { Err(error) })
    }
}

impl std::fmt::Debug for RunningJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningJob").finish_non_exhaustive()
    }
}
