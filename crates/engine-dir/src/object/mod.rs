//! Objects as they are held in memory: values, replaced copy-on-write.

mod blocks;
mod omap;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marcot_store::op::Timestamp;
use marcot_store::{SnapId, SnapSet, Version};

pub(crate) use blocks::{BlockMap, Piece};
pub(crate) use omap::{Omap, Stored};

/// What a head or a clone is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    /// Bytes; what lies beyond it in the last block is zeros.
    pub size: u64,
    pub version: Version,
    pub mtime: Timestamp,
    pub xattrs: Arc<BTreeMap<String, Bytes>>,
    pub omap: Omap,
    pub blocks: BlockMap,
}

/// An object with all its clones. `snaps.head_size` tells whether there is a head, as `head` does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub head: Option<Body>,
    pub snaps: SnapSet,
    pub clones: BTreeMap<SnapId, Body>,
}

impl Object {
    /// The head (`None`) or a clone.
    pub(crate) fn body(&self, clone: Option<SnapId>) -> Option<&Body> {
        match clone {
            None => self.head.as_ref(),
            Some(id) => self.clones.get(&id),
        }
    }

    /// Whether nothing is left to remember.
    pub(crate) fn is_gone(&self) -> bool {
        self.head.is_none() && self.clones.is_empty()
    }
}
