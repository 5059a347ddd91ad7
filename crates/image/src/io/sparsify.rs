//! Giving zeros back that data objects hold.

use std::sync::Arc;

use marcot_format::call::data_object::Sparsify;
use marcot_format::object_map::ObjectState;
use marcot_store::Errno;

use super::IoError;
use super::plan::Existence;
use crate::class_call::exec;
use crate::image::{Current, Image};
use crate::progress::Progress;
use crate::visit::Visit;

impl Image {
    /// Lets every object of the head give back runs of zeros that begin at multiples of
    /// `sparse_size`, and removes objects of zeros that hide nothing of a parent.
    pub(crate) async fn sparsify_objects(
        &self,
        sparse_size: u64,
        progress: &dyn Progress,
    ) -> Result<(), IoError> {
        let current = self.fresh().await?;
        let count = current.header.object_count(current.view.size);
        let at_once = self.config().concurrent_management_ops.max(1);
        let work = |number| self.sparsify_object(Arc::clone(&current), number, sparse_size);
        Visit { at_once, count, progress }.each(0..count, work).await
    }

    async fn sparsify_object(
        &self,
        current: Arc<Current>,
        number: u64,
        sparse_size: u64,
    ) -> Result<(), IoError> {
        let _closed = self.object_gates().of(number).close().await;
        let situation = current.situation(number);
        if situation.existence == Existence::Absent {
            return Ok(());
        }
        let remove_empty = situation.overlap == 0;
        let meanwhile = if remove_empty { ObjectState::Pending } else { ObjectState::Exists };
        current.note_state(number, meanwhile).await?;
        let call = Sparsify { sparse_size, remove_empty };
        match self.send(&current, number, vec![exec(&call)]).await {
            Err(error) if error.errno == Errno::NOENT => {}
            other => other?,
        }
        let Some(map) = &current.object_map else { return Ok(()) };
        let end = match self.object_exists(&current, number).await? {
            true => ObjectState::Exists,
            false => ObjectState::Nonexistent,
        };
        Ok(map.replace(number, meanwhile, end).await?)
    }
}
