//! Reading and writing objects: which call of librados an operation becomes.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::BoxFuture;
use marcot_store::{
    Errno, ObjectId, ReadOp, ReadResult, ReadStep, Result, SnapId, StoreError, Version, WriteOp,
    WriteStep,
};

use crate::completion::{self, Completed};
use crate::connection::{CephCluster, c_string};
use crate::copyup;
use crate::io_context::{IoContext, View};
use crate::lending::{self, Loan};
use crate::read_op::RadosReadOp;
use crate::shim::{Running, Shim, shim};
use crate::store::{awaited, checked_result, refused};
use crate::write_op::RadosWriteOp;

/// Room for an attribute, at first: longer ones are asked for again. OSDs keep up to 64 KiB.
const XATTR_ROOM: usize = 4096;
const XATTR_MAX: usize = 64 << 10;

impl CephCluster {
    /// Some single steps have a shorter or a better way than librados' compound operation.
    pub(crate) fn read<'a>(
        self: &'a Arc<CephCluster>,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'a, Result<Vec<ReadResult>>> {
        let context = match self.context(object, View::Read(snap)) {
            Ok(context) => context,
            Err(error) => return refused(error),
        };
        self.release_writes(object);
        let object = object.clone();
        match (&op.steps[..], better_way(&op)) {
            ([ReadStep::GetXattr { name }], _) => {
                Box::pin(self.xattr(object, context, name.clone()))
            }
            ([ReadStep::SparseRead { offset, length }], Some(shim)) => {
                let range = (*offset, *length);
                let running =
                    self.needs(context).map(|needs| shim.sparse_read(needs, &object.name, range));
                found(running, object, |found| Ok(ReadResult::Extents(found.extents()?)))
            }
            ([ReadStep::OmapList { after, prefix, max }], Some(shim)) => {
                let keys = (after.as_deref().unwrap_or_default(), &prefix[..], *max);
                let running =
                    self.needs(context).map(|needs| shim.list_omap(needs, &object.name, keys));
                found(running, object, |found| Ok(ReadResult::Omap(found.omap_page()?)))
            }
            _ => {
                let submitted = self.submit_read(&object, context, op);
                awaited(submitted, move |Completed { result, version, payload: op }| {
                    if result < 0 {
                        return Err(failed("read", &object, result, op.mismatch(result)));
                    }
                    op.results(version)
                })
            }
        }
    }

    fn submit_read(
        &self,
        object: &ObjectId,
        context: Arc<IoContext>,
        op: ReadOp,
    ) -> Result<oneshot::Receiver<Completed<RadosReadOp>>> {
        let rados = self.rados;
        let name = c_string(&object.name, "an object's name")?;
        let op = RadosReadOp::build(rados, op.steps)?;
        Ok(completion::start(self.needs(context)?, op, |op, io, completion| {
            // SAFETY: operation and context live in the completion until librados calls back.
            unsafe { (rados.aio_read_op_operate)(op.handle, io, completion, name.as_ptr(), 0) }
        }))
    }

    /// One attribute: a compound operation could only read them all.
    async fn xattr(
        self: &Arc<CephCluster>,
        object: ObjectId,
        context: Arc<IoContext>,
        name: String,
    ) -> Result<Vec<ReadResult>> {
        let rados = self.rados;
        let key = c_string(&name, "an attribute's name")?;
        let oid = c_string(&object.name, "an object's name")?;
        for room in [XATTR_ROOM, XATTR_MAX] {
            let needs = self.needs(Arc::clone(&context))?;
            let running = completion::start(needs, vec![0; room], |buffer, io, completion| {
                // SAFETY: librados copies both names; the buffer lives in the completion.
                unsafe {
                    (rados.aio_getxattr)(
                        io,
                        oid.as_ptr(),
                        completion,
                        key.as_ptr(),
                        buffer.as_mut_ptr().cast::<c_char>(),
                        buffer.len(),
                    )
                }
            });
            let completed = running.await.map_err(|_| crate::store::abandoned())?;
            if Errno::from_raw(-completed.result) == Errno::RANGE {
                continue;
            }
            let what = || format!("read the attribute {name} of {object}");
            let Completed { result, mut payload, .. } = checked_result(completed, what)?;
            payload.truncate(usize::try_from(result).unwrap_or_default());
            return Ok(vec![ReadResult::Data(Bytes::from(payload))]);
        }
        Err(StoreError::new(Errno::RANGE, format!("read the attribute {name} of {object}")))
    }

    pub(crate) fn write<'a>(
        self: &'a Arc<CephCluster>,
        object: &ObjectId,
        op: WriteOp,
    ) -> BoxFuture<'a, Result<Version>> {
        let context = match self.context(object, View::Write(op.snap_context)) {
            Ok(context) => context,
            Err(error) => return refused(error),
        };
        let object = object.clone();
        if let (Some((at, data)), Ok(shim)) = (lending::large_write(&op.steps), shim()) {
            // Without memory for the loan the copying way says what is wrong.
            if let Some(loan) = Loan::new(shim, data.clone()) {
                return self.write_lent(shim, object, context, at, loan);
            }
        }
        self.release_writes(&object);
        if let [WriteStep::Rollback { snap }] = op.steps[..] {
            return self.roll_back(object, context, snap);
        }
        if let (Some(copyup), Ok(shim)) = (copyup::alone(&op.steps), shim()) {
            return self.copyup(shim, object, context, copyup);
        }
        let submitted = self.submit_write(&object, context, &op.steps);
        awaited(submitted, move |Completed { result, version, payload: op }| {
            if result < 0 {
                return Err(failed("write", &object, result, op.mismatch(result)));
            }
            Ok(Version(version))
        })
    }

    fn submit_write(
        &self,
        object: &ObjectId,
        context: Arc<IoContext>,
        steps: &[WriteStep],
    ) -> Result<oneshot::Receiver<Completed<RadosWriteOp>>> {
        let rados = self.rados;
        let name = c_string(&object.name, "an object's name")?;
        let op = RadosWriteOp::build(rados, steps)?;
        Ok(completion::start(self.needs(context)?, op, |op, io, completion| {
            let now = std::ptr::null_mut();
            // SAFETY: operation and context live in the completion until librados calls back.
            unsafe {
                (rados.aio_write_op_operate)(op.handle, io, completion, name.as_ptr(), now, 0)
            }
        }))
    }

    /// Asynchronous with the shim; the C API can only block.
    fn roll_back<'a>(
        self: &'a Arc<CephCluster>,
        object: ObjectId,
        context: Arc<IoContext>,
        snap: SnapId,
    ) -> BoxFuture<'a, Result<Version>> {
        let what = format!("roll back {object}");
        match shim() {
            Ok(shim) => {
                let running =
                    self.needs(context).map(|needs| shim.roll_back(needs, &object.name, snap));
                awaited(running, |completed| {
                    Ok(Version(checked_result(completed, || what)?.version))
                })
            }
            Err(_) => self.blocking(move |cluster| {
                let name = c_string(&object.name, "an object's name")?;
                let (rados, io) = (cluster.rados, context.handle);
                // SAFETY: the context is open and the name lives through the call.
                match unsafe { (rados.snap_rollback)(io, name.as_ptr(), snap.0) } {
                    0.. => Ok(Version(0)),
                    result => Err(StoreError::new(Errno::from_raw(-result), what)),
                }
            }),
        }
    }
}

/// Waits for an operation of the shim.
fn found<'a>(
    running: Result<Running>,
    object: ObjectId,
    read: impl FnOnce(crate::shim::Found) -> Result<ReadResult> + Send + 'a,
) -> BoxFuture<'a, Result<Vec<ReadResult>>> {
    awaited(running, move |completed| {
        let completed = checked_result(completed, || format!("read {object}"))?;
        Ok(vec![read(completed.payload)?])
    })
}

/// The shim, loaded only when an operation is better left to it.
fn better_way(op: &ReadOp) -> Option<&'static Shim> {
    let wanted = match &op.steps[..] {
        [ReadStep::SparseRead { length, .. }] => *length > 0,
        [ReadStep::OmapList { after, prefix, .. }] => {
            has_zero(prefix) || after.as_ref().is_some_and(has_zero)
        }
        _ => false,
    };
    wanted.then(shim)?.ok()
}

fn has_zero(bytes: &Bytes) -> bool {
    bytes.contains(&0)
}

pub(crate) fn failed(
    what: &str,
    object: &ObjectId,
    result: c_int,
    mismatch: Option<u64>,
) -> StoreError {
    let context = format!("{what} {object}");
    match mismatch {
        Some(offset) => StoreError::mismatch(offset, context),
        None => StoreError::new(Errno::from_raw(-result), context),
    }
}
