//! Checking an embedded store: only who owns it can look at all of it, so a host that serves the
//! store does it as a job, beside its other work.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::BoxFuture;
use marcot_engine_dir::{Depth, DirEngine, OpenError, OpenOptions, Report};
use marcot_host::RemoteStore;
use marcot_host::jobs::{JobRequest, Jobs, RunningJob, Stop};
use marcot_store::{Env, Errno, Store, StoreError};

use crate::directory::{self, DirectoryError};
use crate::engines::EngineError;
use crate::env::ProcessEnv;
use crate::holder::{Holder, holder};
use crate::open::{ConnectError, Connector};
use crate::spec::StoreSpec;

/// Pause between two tries for the lock.
const PAUSE: Duration = Duration::from_millis(20);
/// Longer than any short command should hold the store.
const PATIENCE: Duration = Duration::from_secs(15);

/// The host's job that checks its store.
const KIND: &str = "check";

/// Why a store was not checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("only an embedded store (dir:PATH) can be checked, and this is {0}")]
    NoDirectory(StoreSpec),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("cannot open {spec}: {error}")]
    Engine { spec: StoreSpec, error: EngineError },
    #[error(
        "{spec} is in use by {}: end what uses it, then check again",
        holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
    )]
    Busy { spec: StoreSpec, holder: Option<Holder> },
    #[error(transparent)]
    Host(#[from] ConnectError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks through all of the store, here or at the host that serves it.
pub fn check(spec: &StoreSpec, depth: Depth) -> Result<Report, CheckError> {
    let StoreSpec::Dir(path) = spec else {
        return Err(CheckError::NoDirectory(spec.clone()));
    };
    let directory = directory::prepare(path)?;
    let mut waited = Duration::ZERO;
    loop {
        if let Some(engine) = own(spec, &directory)? {
            return Ok(engine.check(depth)?);
        }
        if let Some(remote) = Connector::default().host_if_any(spec, &directory)? {
            return Ok(pollster::block_on(ask(&remote, depth))?);
        }
        if waited >= PATIENCE {
            return Err(CheckError::Busy { spec: spec.clone(), holder: holder(&directory) });
        }
        thread::sleep(PAUSE);
        waited += PAUSE;
    }
}

/// The store, if nobody else has it.
fn own(spec: &StoreSpec, directory: &Path) -> Result<Option<Arc<DirEngine>>, CheckError> {
    let env: Arc<dyn Env> = Arc::new(ProcessEnv::default());
    let options = OpenOptions::new(marcot_classes::all(), env);
    match DirEngine::open(directory, options) {
        Ok(engine) => Ok(Some(engine)),
        Err(OpenError::Busy { .. }) => Ok(None),
        Err(error) => Err(CheckError::Engine { spec: spec.clone(), error: error.into() }),
    }
}

async fn ask(remote: &RemoteStore, depth: Depth) -> Result<Report, StoreError> {
    let body = Bytes::from_static(match depth {
        Depth::Metadata => b"metadata",
        Depth::Data => b"data",
    });
    let request = JobRequest { kind: KIND.to_owned(), body, files: Vec::new() };
    let mut job = remote.start_job(request).await?;
    let ended = job.ended().await?;
    decode(&ended).ok_or_else(|| StoreError::new(Errno::BADMSG, "understand the store's host"))
}

/// What a host of this store runs: its binary's jobs, and this one.
pub(crate) struct WithCheck {
    pub(crate) engine: Arc<DirEngine>,
    pub(crate) jobs: Arc<dyn Jobs>,
}

impl Jobs for WithCheck {
    fn start(
        &self,
        request: JobRequest,
        store: Arc<dyn Store>,
        stop: Stop,
    ) -> BoxFuture<'static, Result<RunningJob, StoreError>> {
        if request.kind != KIND {
            return self.jobs.start(request, store, stop);
        }
        let depth = match &request.body[..] {
            b"data" => Depth::Data,
            _ => Depth::Metadata,
        };
        let engine = Arc::clone(&self.engine);
        let run = Box::pin(apart(move || Ok(encode(&engine.check(depth)?))));
        Box::pin(async { Ok(RunningJob { started: Bytes::new(), run }) })
    }
}

/// Runs what takes its time on a thread of its own: the host goes on with others meanwhile.
async fn apart(
    work: impl FnOnce() -> Result<Bytes, StoreError> + Send + 'static,
) -> Result<Bytes, StoreError> {
    let (done, result) = oneshot::channel();
    let gone = || StoreError::new(Errno::IO, "check the store");
    thread::Builder::new()
        .name("marcot-check".to_owned())
        // Nobody listens any more when the job was stopped.
        .spawn(move || drop(done.send(work())))
        .map_err(|_| gone())?;
    result.await.unwrap_or_else(|oneshot::Canceled| Err(gone()))
}

/// As one process tells another of the same build: the numbers, then a problem a line.
fn encode(report: &Report) -> Bytes {
    let Report { objects, clones, blocks, problems } = report;
    let mut text = format!("{objects} {clones} {blocks}");
    for problem in problems {
        text.push('\n');
        text.push_str(&problem.replace('\n', " "));
    }
    text.into()
}

fn decode(text: &[u8]) -> Option<Report> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    let mut numbers = lines.next()?.split(' ').map(str::parse);
    let mut number = || numbers.next()?.ok();
    let (objects, clones, blocks) = (number()?, number()?, number()?);
    Some(Report { objects, clones, blocks, problems: lines.map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_the_way_from_process_to_process() {
        let clean = Report { objects: 3, clones: 2, blocks: 1, problems: Vec::new() };
        assert_eq!(decode(&encode(&clean)), Some(clean.clone()));
        let problems = vec!["one thing".to_owned(), "and another".to_owned()];
        let damaged = Report { problems, ..clean };
        assert_eq!(decode(&encode(&damaged)), Some(damaged));
        assert_eq!(decode(b"1 2"), None);
        assert_eq!(decode(b"\xff"), None);
    }
}
