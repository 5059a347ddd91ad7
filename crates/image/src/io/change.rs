//! Changing one object: object map first, the parent's bytes next, then the change.

use std::sync::Arc;

use marcot_format::object_map::ObjectState;
use marcot_store::{Errno, ReadOp, ReadStep, SnapContext, SnapId, StoreError, WriteOp, WriteStep};

use super::IoError;
use super::parent::{CHAIN_ATTEMPTS, ParentError};
use super::plan;
use crate::extents::ObjectExtent;
use crate::image::{Current, Image};

impl Image {
    /// Applies `steps` to an object; what they do not touch reads as before. `piece` is what they
    /// touch.
    pub(super) async fn change_object(
        &self,
        mut current: Arc<Current>,
        piece: ObjectExtent,
        steps: &[WriteStep],
    ) -> Result<(), IoError> {
        for _ in 0..CHAIN_ATTEMPTS {
            match self.try_change(&current, piece, steps).await {
                Ok(()) => return Ok(()),
                Err(ParentError::ChainChanged) => {
                    self.refresh().await?;
                    current = self.current();
                }
                Err(ParentError::Io(error)) => return Err(error),
            }
        }
        Err(self.chain_unsteady())
    }

    async fn try_change(
        &self,
        current: &Current,
        piece: ObjectExtent,
        steps: &[WriteStep],
    ) -> Result<(), ParentError> {
        {
            let _inside = self.object_gates().of(piece.object).enter().await;
            let how = plan::plan_write(current.situation(piece.object), piece);
            current.note_exists(piece.object).await?;
            match how {
                plan::WriteStep::Send => {
                    return Ok(self.send(current, piece.object, steps.to_vec()).await?);
                }
                plan::WriteStep::Guarded => {
                    if self.send_guarded(current, piece.object, steps).await? {
                        return Ok(());
                    }
                }
                plan::WriteStep::Copyup => {}
            }
        }
        self.copyup_and_change(current, piece.object, steps).await
    }

    /// Sends a change of an object under the head's snapshot context.
    pub(super) async fn send(
        &self,
        current: &Current,
        number: u64,
        steps: Vec<WriteStep>,
    ) -> Result<(), StoreError> {
        self.send_under(current, number, steps, current.header.snap_context.clone()).await
    }

    /// Sends a change of an object under some snapshot context.
    pub(super) async fn send_under(
        &self,
        current: &Current,
        number: u64,
        steps: Vec<WriteStep>,
        snap_context: SnapContext,
    ) -> Result<(), StoreError> {
        let op = WriteOp::new(steps).with_snap_context(snap_context).ordered();
        self.store().write(&current.header.data_object(number), op).await.map(drop)
    }

    /// Sends a change for an existing object; false when there is none.
    pub(super) async fn send_guarded(
        &self,
        current: &Current,
        number: u64,
        steps: &[WriteStep],
    ) -> Result<bool, StoreError> {
        let mut guarded = Vec::with_capacity(steps.len() + 1);
        guarded.push(WriteStep::AssertExists);
        guarded.extend_from_slice(steps);
        match self.send(current, number, guarded).await {
            Ok(()) => Ok(true),
            Err(error) if error.errno == Errno::NOENT => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the head has that object.
    pub(super) async fn object_exists(
        &self,
        current: &Current,
        number: u64,
    ) -> Result<bool, StoreError> {
        let object = current.header.data_object(number);
        let probe = ReadOp::single(ReadStep::AssertExists);
        match self.store().read(&object, SnapId::HEAD, probe).await {
            Ok(_) => Ok(true),
            Err(error) if error.errno == Errno::NOENT => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Current {
    /// Says in the object map that the object exists, before it does.
    pub(super) async fn note_exists(&self, number: u64) -> Result<(), IoError> {
        self.note_state(number, ObjectState::Exists).await
    }

    /// Says in the object map what will be true of the object.
    pub(super) async fn note_state(&self, number: u64, state: ObjectState) -> Result<(), IoError> {
        match &self.object_map {
            Some(map) => Ok(map.set(number, state).await?),
            None => Ok(()),
        }
    }

    /// Says in the object map that the object exists because of a flatten, before it does.
    pub(super) async fn note_flattened(&self, number: u64) -> Result<(), IoError> {
        let Some(map) = &self.object_map else { return Ok(()) };
        Ok(map.replace(number, ObjectState::Nonexistent, ObjectState::Exists).await?)
    }

    /// What is known of an object before it is touched.
    pub(super) fn situation(&self, number: u64) -> plan::ObjectSituation {
        let absent = self.object_map_trusted()
            && self.mapped_state(number) == Some(ObjectState::Nonexistent);
        plan::ObjectSituation {
            existence: if absent { plan::Existence::Absent } else { plan::Existence::Unknown },
            overlap: match self.view.parent_overlap {
                0 => 0,
                overlap => self.header.striping.object_bytes_below(number, overlap),
            },
            object_size: self.header.striping.object_size(),
            has_snapshots: !self.header.snap_context.snaps.is_empty(),
        }
    }
}
