//! `CopyupFrom`, which librados has no operation for: the shim makes it of those there are, and the
//! bytes never come to this program's side of it.
//!
//! A source that is all data is copied by the OSDs among themselves; of others what they hold is read
//! and sent on. Sources are snapshots or what nobody changes, so that need not be one operation; that
//! the target does not exist is checked by the operation that fills it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use marcot_store::op::{AllZeros, CopyupPiece};
use marcot_store::{Errno, ObjectId, ReadOp, ReadStep, Result, SnapId, Version, WriteStep};

use crate::connection::CephCluster;
use crate::io_context::{IoContext, View};
use crate::shim::{Shim, Source};
use crate::store::{abandoned, checked_result, refused};

impl CephCluster {
    /// Fills `object`, whose writes go to `context`, if it does not exist.
    pub(crate) fn copyup<'a>(
        self: &'a Arc<CephCluster>,
        shim: &'static Shim,
        object: ObjectId,
        context: Arc<IoContext>,
        (pieces, all_zeros): (&[CopyupPiece], AllZeros),
    ) -> BoxFuture<'a, Result<Version>> {
        let started = pieces
            .iter()
            .map(|piece| {
                let context = self.context(&piece.source, View::Read(piece.snap))?;
                let ranges = [piece.source_offset, piece.offset, piece.length];
                Ok(Source { context, name: Arc::clone(&piece.source.name), ranges })
            })
            .collect::<Result<Vec<Source>>>()
            .and_then(|sources| {
                let needs = self.needs(context)?;
                Ok(shim.copyup(needs, &object.name, &sources, all_zeros))
            });
        let running = match started {
            Ok(running) => running,
            Err(error) => return refused(error),
        };
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
}

/// The pieces of an operation that is a copyup alone.
pub(crate) fn alone(steps: &[WriteStep]) -> Option<(&[CopyupPiece], AllZeros)> {
    match steps {
        [WriteStep::CopyupFrom { pieces, all_zeros }] => Some((pieces, *all_zeros)),
        _ => None,
    }
}
