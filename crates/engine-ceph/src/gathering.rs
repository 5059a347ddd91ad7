//! Large writes, lent to librados; those that go on where others end are gathered.
//!
//! An operation costs client and OSD together as much as some hundred KiB of data do. So while others
//! are on their way, sequential writes are put together ([`streams`]): librados is lent the bytes of
//! each, and all have one outcome.
//!
//! The lock is held while an operation is handed to librados, so that what waited and what released it
//! keep their order. librados may make its caller wait for room; it makes room without us.

mod streams;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use futures_util::future::BoxFuture;
use marcot_store::{ObjectId, Result, Version};

use self::streams::{Batch, Streams};
use crate::completion::{Completed, Needs};
use crate::connection::CephCluster;
use crate::data::failed;
use crate::gate::Ticket;
use crate::io_context::IoContext;
use crate::lending::{Loan, Loans, Place, Presence};
use crate::library::Librados;
use crate::shim::{Found, Shim};
use crate::store::{awaited, refused};

/// The large writes of one connection.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    streams: Mutex<Streams<Target, Part>>,
    /// Whether any write waits; written under the lock, when what was released is with librados.
    any_waiting: AtomicBool,
    loans: Loans,
}

/// What writes to an object must agree in to be one operation.
#[derive(Clone, Debug)]
struct Target {
    context: Arc<IoContext>,
    presence: Presence,
}

impl PartialEq for Target {
    fn eq(&self, other: &Target) -> bool {
        Arc::ptr_eq(&self.context, &other.context) && self.presence == other.presence
    }
}

/// One write.
#[derive(Debug)]
struct Part {
    offset: u64,
    loan: Loan,
    waiter: Waiter,
}

/// Who waits for a write. The ticket keeps the connection open until it is answered.
#[derive(Debug)]
struct Waiter {
    outcome: oneshot::Sender<Completed<()>>,
    target: Target,
    ticket: Ticket,
}

/// Who sends a connection's large writes.
#[derive(Clone)]
struct Sender {
    rados: &'static Librados,
    shim: &'static Shim,
    gathering: Arc<Gathering>,
}

/// Tells that a batch was not started.
type Refusal = Box<dyn FnOnce() + Send>;

impl CephCluster {
    /// Writes the bytes of `loan` to `object` in `context` without copying them.
    pub(crate) fn write_lent<'a>(
        self: &'a Arc<CephCluster>,
        shim: &'static Shim,
        object: ObjectId,
        context: Arc<IoContext>,
        at: Place,
        loan: Loan,
    ) -> BoxFuture<'a, Result<Version>> {
        let ticket = match self.enter() {
            Ok(ticket) => ticket,
            Err(error) => return refused(error),
        };
        let (outcome, running) = oneshot::channel();
        let target = Target { context, presence: at.presence };
        let range = at.offset..at.offset + loan.len() as u64;
        let waiter = Waiter { outcome, target: target.clone(), ticket };
        let part = Part { offset: at.offset, loan, waiter };
        self.sender(shim).send(|streams| {
            let batches = streams.arrive(&object, target, range, part);
            batches.into_iter().map(|batch| (object.clone(), batch))
        });
        awaited(Ok(running), move |completed: Completed<()>| match completed.result {
            0.. => Ok(Version(completed.version)),
            result => Err(failed("write", &object, result, None)),
        })
    }

    /// Sends what waits for `object`, of which something else is asked now.
    pub(crate) fn release_writes(&self, object: &ObjectId) {
        if !self.gathering.any_waiting.load(Ordering::Acquire) {
            return;
        }
        if let Ok(shim) = crate::shim::shim() {
            self.sender(shim)
                .send(|streams| streams.release(object).map(|batch| (object.clone(), batch)));
        }
    }

    fn sender(&self, shim: &'static Shim) -> Sender {
        Sender { rados: self.rados, shim, gathering: Arc::clone(&self.gathering) }
    }
}

impl Gathering {
    fn streams(&self) -> MutexGuard<'_, Streams<Target, Part>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// Sends what `decide` says.
    fn send<B>(&self, decide: impl FnOnce(&mut Streams<Target, Part>) -> B)
    where
        B: IntoIterator<Item = (ObjectId, Batch<Part>)>,
    {
        let mut streams = self.gathering.streams();
        let batches = decide(&mut streams);
        let not_started: Vec<Refusal> = batches
            .into_iter()
            .filter_map(|(object, batch)| self.start(object, batch).err())
            .collect();
        self.gathering.any_waiting.store(streams.any_waiting(), Ordering::Release);
        drop(streams);
        // They end at once, which takes the lock.
        not_started.into_iter().for_each(|tell| tell());
    }

    fn start(&self, object: ObjectId, batch: Batch<Part>) -> std::result::Result<(), Refusal> {
        let Batch { parts, bytes } = batch;
        let (mut lent, mut waiters) = (Vec::new(), Vec::new());
        for Part { offset, loan, waiter } in parts {
            lent.push((offset, loan));
            waiters.push(waiter);
        }
        let last = waiters.last().expect("no batch is empty");
        let (context, presence) = (Arc::clone(&last.target.context), last.target.presence);
        let needs = Needs { rados: self.rados, context, ticket: last.ticket.another() };
        let sender = self.clone();
        let name = Arc::clone(&object.name);
        let done = move |completed: Completed<Found>, lent: Vec<(u64, Loan)>| {
            sender.end(&object, bytes, lent);
            let Completed { result, version, .. } = completed;
            for Waiter { outcome, target, ticket } in waiters {
                drop(target);
                drop(outcome.send(Completed { result, version, payload: () }));
                drop(ticket);
            }
        };
        let started = self.shim.write_lent(needs, &name, presence, lent, done);
        started.map_err(|refused| Box::new(move || refused.tell()) as Refusal)
    }

    /// A batch has ended: its bytes are the caller's again, and what waited for it may go.
    fn end(&self, object: &ObjectId, bytes: u64, lent: Vec<(u64, Loan)>) {
        lent.into_iter().for_each(|(_, loan)| self.gathering.loans.take_back(loan));
        self.send(|streams| streams.ended(object, bytes));
    }
}
