//! Jobs of this client at the owner.

use bytes::Bytes;
use futures_channel::oneshot;
use marcot_store::{Errno, StoreError};

use super::link::Submission;
use super::remote_store::RemoteStore;
use super::table::{Outcome, Purpose};
use crate::jobs::JobRequest;
use crate::protocol::request::Request;

/// A job that runs at the owner.
#[derive(Debug)]
pub struct Job {
    /// What it said when it started.
    pub started: Bytes,
    number: u64,
    end: oneshot::Receiver<Result<Bytes, StoreError>>,
}

impl RemoteStore {
    /// Starts a job at the owner. Copies of the files go along; the caller keeps its own.
    pub async fn start_job(&self, job: JobRequest) -> Result<Job, StoreError> {
        let JobRequest { kind, body, files } = job;
        let context = format!("start job {kind}");
        let files_sent = u8::try_from(files.len()).unwrap_or(u8::MAX);
        let request = Request::StartJob { kind, body, files: files_sent };
        let (number, waiting) = self.submit(Submission { request, purpose: Purpose::Job, files });
        match waiting.await {
            Ok(Ok(Outcome::Job(started, end))) => Ok(Job { started, number, end }),
            Ok(Ok(_)) => Err(StoreError::new(Errno::BADMSG, context)),
            Ok(Err(error)) => Err(error),
            Err(oneshot::Canceled) => Err(StoreError::new(Errno::NOTCONN, context)),
        }
    }

    /// Runs a job to its end, at one owner after the other: when its owner dies, it is started
    /// again at the next. `job` makes the request anew, with fresh copies of the files; `started`
    /// hears each start. Ends early only when no owner can be found.
    pub async fn keep_running(
        &self,
        job: impl Fn() -> Result<JobRequest, StoreError>,
        mut started: impl FnMut(&Job),
    ) -> Result<Bytes, StoreError> {
        loop {
            let mut running = self.start_job(job()?).await?;
            started(&running);
            match running.ended().await {
                Err(error) if error.errno == Errno::NOTCONN => {
                    tracing::info!(%error, "starting the job again at the store's next owner");
                }
                ended => return ended,
            }
        }
    }

    /// Asks a job to end; [`Job::ended`] tells when it has.
    pub fn stop_job(&self, job: &Job) {
        let request = Request::StopJob(job.number);
        let plain = Submission { request, purpose: Purpose::Plain, files: Vec::new() };
        let (_, _nobody_waits) = self.submit(plain);
    }
}

impl Job {
    /// Waits for the end. `ENOTCONN` when its owner has died: start it again.
    pub async fn ended(&mut self) -> Result<Bytes, StoreError> {
        let ended = (&mut self.end).await;
        ended.unwrap_or_else(|_| {
            Err(StoreError::new(Errno::NOTCONN, "wait for a job of the store's owner"))
        })
    }
}
