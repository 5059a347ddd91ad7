//! Who waits for what: requests without an answer, watches, running jobs.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use marcot_store::watch::{Watch, WatchEvent};
use marcot_store::{ObjectId, StoreError, WatchHandle};

use crate::protocol::reply::Reply;

/// What a request is answered with.
#[derive(Debug)]
pub(super) enum Outcome {
    Reply(Reply),
    /// A watch, already fed with what comes after the reply.
    Watch(Watch),
    /// A job, with what will tell its end.
    Job(Bytes, oneshot::Receiver<Result<Bytes, StoreError>>),
}

/// What the reader must set up when the reply is there, before it reads on.
#[derive(Debug)]
pub(super) enum Purpose {
    Plain,
    Watch(ObjectId),
    /// A watch registered again; nobody waits, but it is lost if it fails.
    Rewatch(WatchHandle),
    Unwatch(WatchHandle),
    Job,
}

/// A request that is not answered.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) frame: Bytes,
    pub(super) files: Arc<[OwnedFd]>,
    pub(super) purpose: Purpose,
    pub(super) answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// A watch of this client.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) object: ObjectId,
    pub(super) events: mpsc::UnboundedSender<WatchEvent>,
}

/// Everything that waits for the owner.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) watches: HashMap<WatchHandle, Watched>,
    pub(super) jobs: HashMap<u64, oneshot::Sender<Result<Bytes, StoreError>>>,
    /// Set when this client can never be served again.
    pub(super) broken: Option<StoreError>,
}

impl Table {
    /// The number below which everything is answered, given the next number to be used.
    pub(super) fn answered_below(&self, next: u64) -> u64 {
        self.pending.keys().next().copied().unwrap_or(next)
    }

    /// Settles a request. An answer that nobody waits for (any more) is dropped.
    pub(super) fn settle(&mut self, number: u64, result: Result<Reply, StoreError>) {
        let Some(pending) = self.pending.remove(&number) else {
            return;
        };
        let outcome = match result {
            Ok(reply) => Ok(self.prepare(number, pending.purpose, reply)),
            Err(error) => {
                self.prepare_failure(&pending.purpose, &error);
                Err(error)
            }
        };
        // The caller may have dropped its future.
        let _ = pending.answer.send(outcome);
    }

    fn prepare(&mut self, number: u64, purpose: Purpose, reply: Reply) -> Outcome {
        match (purpose, reply) {
            (Purpose::Watch(object), Reply::Watching(handle)) => {
                let (events, receiver) = mpsc::unbounded();
                self.watches.insert(handle, Watched { object, events });
                Outcome::Watch(Watch { handle, events: receiver })
            }
            (Purpose::Job, Reply::JobStarted(started)) => {
                let (ended, end) = oneshot::channel();
                self.jobs.insert(number, ended);
                Outcome::Job(started, end)
            }
            (Purpose::Unwatch(handle), reply) => {
                self.watches.remove(&handle);
                Outcome::Reply(reply)
            }
            (_, reply) => Outcome::Reply(reply),
        }
    }

    fn prepare_failure(&mut self, purpose: &Purpose, error: &StoreError) {
        if let Purpose::Rewatch(handle) = purpose {
            self.lose(*handle, error);
        }
    }

    /// Passes an event on.
    pub(super) fn event(&mut self, handle: WatchHandle, event: WatchEvent) {
        let lost = matches!(event, WatchEvent::Lost(_));
        if let Some(watched) = self.watches.get(&handle) {
            // The caller may have dropped its receiver.
            let _ = watched.events.unbounded_send(event);
        }
        if lost {
            self.watches.remove(&handle);
        }
    }

    fn lose(&mut self, handle: WatchHandle, error: &StoreError) {
        self.event(handle, WatchEvent::Lost(error.errno));
    }

    /// Tells how a job ended.
    pub(super) fn job_ended(&mut self, number: u64, result: Result<Bytes, StoreError>) {
        if let Some(ended) = self.jobs.remove(&number) {
            // The caller may not care.
            let _ = ended.send(result);
        }
    }

    /// Ends the jobs: their owner has gone, and they are bound to it.
    pub(super) fn end_jobs(&mut self, error: &StoreError) {
        for (_, ended) in self.jobs.drain() {
            let _ = ended.send(Err(error.clone()));
        }
    }

    /// Fails what waits for an answer; the client itself goes on.
    pub(super) fn fail_pending(&mut self, error: &StoreError) {
        for (_, pending) in std::mem::take(&mut self.pending) {
            self.prepare_failure(&pending.purpose, error);
            let _ = pending.answer.send(Err(error.clone()));
        }
    }

    /// Ends the client: everything fails now and later.
    pub(super) fn break_off(&mut self, error: StoreError) {
        self.fail_pending(&error);
        self.end_jobs(&error);
        for handle in self.watches.keys().copied().collect::<Vec<_>>() {
            self.lose(handle, &error);
        }
        self.broken = Some(error);
    }
}
