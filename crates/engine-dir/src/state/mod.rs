//! What the log describes: objects, space, and everything small beside them.
//!
//! [`State::apply`] is the only way it changes, for a record just written and for one found at
//! open alike, so that recovery cannot differ from what ran before. No clock, no randomness, no
//! device: only the metadata of the last checkpoint is read, where something is not in memory.

mod apply;
mod apply_cluster;
mod cluster;
mod look_up;
mod objects;

use std::sync::Arc;

use crate::meta::{MetaError, MetaStore};
use crate::object::{Object, Omap};
use crate::space::{Checksums, Space};

pub(crate) use apply::Usage;
pub(crate) use cluster::{Cluster, Pool, SessionState};
pub(crate) use look_up::LookUp;
pub(crate) use objects::{Objects, Scan, object_rows};

/// The state after some record.
#[derive(Debug)]
pub(crate) struct State {
    pub meta: Option<Arc<dyn MetaStore>>,
    pub space: Space,
    pub checksums: Arc<Checksums>,
    pub objects: Objects,
    pub cluster: Cluster,
    /// Omaps that are gone but may still have stored keys.
    pub dropped_omaps: Vec<u64>,
}

impl State {
    /// An empty state over the metadata of the last checkpoint, if there is one.
    pub(crate) fn new(meta: Option<Arc<dyn MetaStore>>, limit: u64) -> State {
        State {
            space: Space::new(meta.clone(), limit),
            checksums: Arc::new(Checksums::new(meta.clone())),
            meta,
            objects: Objects::default(),
            cluster: Cluster::default(),
            dropped_omaps: Vec::new(),
        }
    }

    /// The object as it is; an empty one when there is none.
    pub(crate) fn object(&mut self, id: &marcot_store::ObjectId) -> Result<Arc<Object>, MetaError> {
        self.objects.get(self.meta.as_deref(), id)
    }

    /// What has to be read before [`State::object`] finds the object in memory.
    pub(crate) fn look_up(&self, id: &marcot_store::ObjectId) -> Option<LookUp> {
        self.objects.look_up(self.meta.as_ref()?, id)
    }

    /// The first checkpoint has been stored there.
    pub(crate) fn attach(&mut self, meta: &Arc<dyn MetaStore>) {
        self.space.bitmap.attach(meta);
        self.space.references.attach(meta);
        self.checksums.attach(meta);
        self.meta.get_or_insert_with(|| Arc::clone(meta));
    }

    fn drop_omap(&mut self, omap: &Omap) {
        if omap.number != 0 {
            self.dropped_omaps.push(omap.number);
        }
    }
}
