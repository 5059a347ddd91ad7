//! `CopyupFrom`, which librados has no operation for: the shim makes it of those there are, and the
//! bytes never come to this program's side of it.
//!
//! A source that is all data is copied by the OSDs among themselves; of others what they hold is read
//! and sent on ([`looking`] decides). Sources are snapshots or what nobody changes, so that need not
//! be one operation; that the target does not exist is checked by the operation that fills it.
//!
//! Each step begins where the one before has ended, on a thread of librados: a copyup that was
//! begun comes to its end, whoever waits for it.

mod looking;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use marcot_store::op::{AllZeros, CopyupPiece, SourceReads};
use marcot_store::{Errno, ObjectId, ReadOp, ReadStep, Result, SnapId, Version, WriteStep};

use self::looking::{Looking, PLACE, Way};
use crate::completion::{Completed, Needs};
use crate::connection::CephCluster;
use crate::gate::Ticket;
use crate::io_context::{IoContext, View};
use crate::library::Librados;
use crate::shim::{Found, Shim, Source};
use crate::store::{abandoned, checked_result, refused};

/// The copyups of one connection.
#[derive(Debug, Default)]
pub(crate) struct CopyupsUnderWay {
    looking: Mutex<Looking<Copyup>>,
}

impl CopyupsUnderWay {
    fn looking(&self) -> MutexGuard<'_, Looking<Copyup>> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One copyup. The ticket keeps the connection open until it is answered.
#[derive(Debug)]
struct Copyup {
    rados: &'static Librados,
    shim: &'static Shim,
    all: Arc<CopyupsUnderWay>,
    name: Arc<str>,
    /// Where it is written.
    context: Arc<IoContext>,
    sources: Vec<Source>,
    all_zeros: AllZeros,
    reads: SourceReads,
    outcome: oneshot::Sender<Completed<()>>,
    ticket: Ticket,
}

impl CephCluster {
    /// Fills `object`, whose writes go to `context`, if it does not exist.
    pub(crate) fn copyup<'a>(
        self: &'a Arc<CephCluster>,
        shim: &'static Shim,
        object: ObjectId,
        context: Arc<IoContext>,
        (pieces, all_zeros, reads): (&[CopyupPiece], AllZeros, SourceReads),
    ) -> BoxFuture<'a, Result<Version>> {
        let (outcome, running) = oneshot::channel();
        let prepared = self.enter().and_then(|ticket| {
            let (name, all) = (Arc::clone(&object.name), Arc::clone(&self.copyups));
            let (rados, sources) = (self.rados, self.sources(pieces)?);
            Ok(Copyup {
                rados,
                shim,
                all,
                name,
                context,
                sources,
                all_zeros,
                reads,
                outcome,
                ticket,
            })
        });
        match prepared {
            Ok(copyup) => copyup.begin(),
            Err(error) => return refused(error),
        }
        async move {
            let completed = running.await.map_err(|_| abandoned())?;
            let outcome = checked_result(completed, || format!("copy up {object}"));
            match outcome {
                Ok(completed) => Ok(Version(completed.version)),
                // Nothing to bring is no error where nothing is to be brought.
                Err(error) if matches!(error.errno, Errno::NOENT | Errno::NODATA) => {
                    let there = ReadOp::single(ReadStep::AssertExists);
                    match self.read(&object, SnapId::HEAD, there).await {
                        Ok(_) => Ok(Version(0)),
                        Err(_) => Err(error),
                    }
                }
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    /// The pieces as the shim takes them.
    fn sources(&self, pieces: &[CopyupPiece]) -> Result<Vec<Source>> {
        let source = |piece: &CopyupPiece| {
            let context = self.context(&piece.source, View::Read(piece.snap))?;
            let ranges = [piece.source_offset, piece.offset, piece.length];
            Ok(Source { context, name: Arc::clone(&piece.source.name), ranges })
        };
        pieces.iter().map(source).collect()
    }
}

impl Copyup {
    fn begin(self) {
        if self.only_source().is_none() {
            return self.fill();
        }
        let all = Arc::clone(&self.all);
        let begun = all.looking().begin(self);
        match begun {
            None => {}
            Some((copyup, Way::Read)) => copyup.fill(),
            Some((copyup, Way::Look(places))) => copyup.look(places),
        }
    }

    /// The source and how much is wanted of it, if OSDs may be able to copy it: they copy whole objects.
    fn only_source(&self) -> Option<(&Source, u64)> {
        match &self.sources[..] {
            [only @ Source { ranges: [0, 0, length], .. }] if looking::is_worth_asking(*length) => {
                Some((only, *length))
            }
            _ => None,
        }
    }

    fn needs(&self, context: &Arc<IoContext>) -> Needs {
        Needs { rados: self.rados, context: Arc::clone(context), ticket: self.ticket.another() }
    }

    fn look(self, places: u64) {
        let (source, length) = self.only_source().expect("only such are looked at");
        let needs = self.needs(&source.context);
        let (shim, name) = (self.shim, Arc::clone(&source.name));
        let places = looking::places(&self.name, length, places);
        let done = move |completed: Completed<Found>| self.looked(&completed, length);
        if let Err(refused) = shim.look(needs, &name, (&places, PLACE), done) {
            refused.tell();
        }
    }

    fn looked(self, completed: &Completed<Found>, length: u64) {
        let seen = match completed.result {
            0.. => completed.payload.looked_at().ok(),
            _ => None,
        };
        let full = seen.map(|seen| looking::is_full(seen, length));
        let waited = self.all.looking().looked(full);
        match full {
            Some(true) => self.copy(),
            _ if Errno::from_raw(-completed.result) == Errno::NOENT => self.end(completed),
            _ => self.fill(),
        }
        waited.into_iter().for_each(Copyup::begin);
    }

    fn copy(self) {
        let from = self.only_source().expect("only such are copied").0.clone();
        let (shim, needs, name) = (self.shim, self.needs(&self.context), Arc::clone(&self.name));
        let done = move |completed: Completed<Found>| self.copied(&completed);
        if let Err(refused) = shim.copy(needs, &name, &from, done) {
            refused.tell();
        }
    }

    fn copied(self, completed: &Completed<Found>) {
        match completed.result {
            0.. => self.end(completed),
            result => match Errno::from_raw(-result) {
                Errno::EXIST | Errno::NOENT | Errno::BLOCKLISTED => self.end(completed),
                _ => self.fill(),
            },
        }
    }

    fn fill(self) {
        let (shim, needs, name) = (self.shim, self.needs(&self.context), Arc::clone(&self.name));
        let (sources, how) = (self.sources.clone(), (self.all_zeros, self.reads));
        let done = move |completed: Completed<Found>| self.filled(&completed);
        if let Err(refused) = shim.copyup(needs, &name, &sources, how, done) {
            refused.tell();
        }
    }

    fn filled(self, completed: &Completed<Found>) {
        let brought = completed.payload.brought().ok();
        let waited = match (self.only_source(), brought) {
            (Some((_, length)), Some(data)) => {
                self.all.looking().read(looking::was_full(data, length))
            }
            _ => Vec::new(),
        };
        self.end(completed);
        waited.into_iter().for_each(Copyup::begin);
    }

    fn end<T>(self, completed: &Completed<T>) {
        let Completed { result, version, .. } = *completed;
        // Somebody was faster.
        let result = if Errno::from_raw(-result) == Errno::EXIST { 0 } else { result };
        // Nobody may wait any more.
        let _ = self.outcome.send(Completed { result, version, payload: () });
    }
}

/// The pieces of an operation that is a copyup alone.
pub(crate) fn alone(steps: &[WriteStep]) -> Option<(&[CopyupPiece], AllZeros, SourceReads)> {
    match steps {
        [WriteStep::CopyupFrom { pieces, all_zeros, reads }] => Some((pieces, *all_zeros, *reads)),
        _ => None,
    }
}
