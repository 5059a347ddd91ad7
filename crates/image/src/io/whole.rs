//! Whether an image's objects are all there is to its bytes: newer ones may be in a journal, in a
//! cache, or in the image that it is migrated from.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use marcot_format::features::Features;
use marcot_store::SnapId;

use super::IoError;
use crate::class_call::CallError;
use crate::header::SnapView;
use crate::image::{Current, Image};
use crate::object_map::load_states;
use crate::{journal, migration};

const ELSEWHERE: Features =
    Features::JOURNALING.union(Features::MIGRATING).union(Features::DIRTY_CACHE);

impl Image {
    /// What is known of the image, if its objects are all there is to its bytes.
    pub(super) async fn readable(&self) -> Result<Arc<Current>, IoError> {
        let current = self.fresh().await?;
        let features = current.header.features & ELSEWHERE;
        if !features.is_empty() {
            self.check_whole(features, current.view).await?;
        }
        if current.view.snap != SnapId::HEAD {
            self.load_snapshot_map(&current).await?;
        }
        Ok(current)
    }

    /// Reads the opened snapshot's object map, unless it is there: objects that it lacks need not be
    /// asked for.
    async fn load_snapshot_map(&self, current: &Current) -> Result<(), IoError> {
        let header = &current.header;
        if !header.features.contains(Features::OBJECT_MAP) || !current.object_map_trusted() {
            return Ok(());
        }
        let load = || async {
            let object = header.object_map_object(current.view.snap);
            match load_states(self.store(), &object).await {
                Ok(states) => {
                    let covers = states.len() >= header.object_count(current.view.size);
                    Ok(covers.then(|| Arc::new(states)))
                }
                // As without one: reads find out.
                Err(CallError::Damaged { .. }) => Ok(None),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        };
        current.snapshot_map.get_or_try_init(load).await?;
        Ok(())
    }

    async fn check_whole(&self, features: Features, view: SnapView) -> Result<(), IoError> {
        let elsewhere = |what| IoError::Elsewhere { image: self.name(), what };
        if features.contains(Features::MIGRATING)
            && migration::is_destination(self.store(), self.header_object()).await?
        {
            return Err(elsewhere("being migrated from another one"));
        }
        // What a snapshot shows was in the image when it was taken.
        if view.snap != SnapId::HEAD {
            return Ok(());
        }
        if features.contains(Features::DIRTY_CACHE) {
            return Err(elsewhere("partly in a cache on another machine"));
        }
        if features.contains(Features::JOURNALING) {
            return self.check_journal().await;
        }
        Ok(())
    }

    /// Looked at once: who keeps the journal while we read puts changes into the image before long,
    /// as for any image that somebody writes meanwhile.
    async fn check_journal(&self) -> Result<(), IoError> {
        if self.journal_seen().load(Ordering::Relaxed) {
            return Ok(());
        }
        if !journal::is_replayed(self.store(), &self.current().header).await? {
            return Err(IoError::Journal { image: self.name() });
        }
        self.journal_seen().store(true, Ordering::Relaxed);
        Ok(())
    }
}
