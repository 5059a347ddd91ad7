//! Tests of the engine as a whole.

mod basics;
mod damage;
mod defects;
mod forgery;
mod naming;
mod older_formats;
mod outages;
mod rig;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use marcot_store::class::NoClasses;
use marcot_store::op::Timestamp;
use marcot_store::{
    Env, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, Result, SnapContext, SnapId, Store,
    Version, WriteOp, WriteStep,
};

use crate::device::Volume;
use crate::{CreateOptions, DirEngine, OpenOptions, Threads};

/// An environment whose clock counts calls and whose random numbers do too.
#[derive(Debug, Default)]
pub(crate) struct CountingEnv {
    count: AtomicU64,
}

impl Env for CountingEnv {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        pollster::block_on(task);
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        future::ready(()).boxed()
    }

    fn now(&self) -> Timestamp {
        let seconds = self.count.fetch_add(1, Ordering::Relaxed) as u32;
        Timestamp { seconds, nanoseconds: 0 }
    }

    fn random(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// No two draw the same random numbers: equal ones of two owners would let the records of a lost
/// timeline pass for the next one's.
pub(crate) fn env() -> Arc<dyn Env> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let count = AtomicU64::new(MADE.fetch_add(1, Ordering::Relaxed) << 32);
    Arc::new(CountingEnv { count })
}

/// Options for a store that does everything within the call, with a log of 32 KiB.
pub(crate) fn small() -> CreateOptions {
    CreateOptions { log_bytes: 32 << 10, ..CreateOptions::new(env()) }
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions { threads: Threads::None, ..OpenOptions::new(Arc::new(NoClasses), env()) }
}

pub(crate) fn open(volume: &Arc<impl Volume + 'static>) -> Arc<DirEngine> {
    DirEngine::open_volume(Arc::clone(volume) as Arc<dyn Volume>, options()).expect("it opens")
}

pub(crate) fn object(name: &str) -> ObjectId {
    ObjectId::new(PoolId(1), "", name)
}

pub(crate) fn write_at(offset: u64, data: impl Into<Bytes>) -> WriteOp {
    WriteOp::new(vec![WriteStep::Write { offset, data: data.into() }])
}

pub(crate) fn run(store: &dyn Store, name: &str, op: WriteOp) -> Result<Version> {
    pollster::block_on(store.write(&object(name), op))
}

pub(crate) fn read_all(store: &dyn Store, name: &str, snap: SnapId) -> Result<Bytes> {
    let op = ReadOp::single(ReadStep::Read { offset: 0, length: 1 << 30 });
    let results = pollster::block_on(store.read(&object(name), snap, op))?;
    match &results[..] {
        [ReadResult::Data(data)] => Ok(data.clone()),
        other => panic!("a read answers with data, not {other:?}"),
    }
}

pub(crate) fn context(snaps: &[u64]) -> SnapContext {
    let seq = SnapId(snaps.first().copied().unwrap_or(0));
    SnapContext { seq, snaps: snaps.iter().map(|snap| SnapId(*snap)).collect() }
}
