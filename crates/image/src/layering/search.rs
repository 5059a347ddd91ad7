//! Looking for bytes in the chain: plan, try, and plan again around what was not there.

use std::collections::HashSet;
use std::sync::Arc;

use marcot_store::{ObjectId, SnapId, Store};

use super::ancestry::{Ancestry, Found, Placed};
use crate::class_call::CallError;
use crate::client::Client;

/// One reader's search through one ancestry.
#[derive(Debug)]
pub(crate) struct Search {
    ancestry: Arc<Ancestry>,
    /// (layer, object) that the table allowed for and that was not there.
    missing: HashSet<(usize, u64)>,
}

impl Search {
    pub(crate) fn new(ancestry: Arc<Ancestry>) -> Search {
        Search { ancestry, missing: HashSet::new() }
    }

    /// Where the bytes of `extents`, ranges of the first layer, may be.
    pub(crate) fn plan(&self, extents: impl IntoIterator<Item = Placed>) -> Vec<Found> {
        let mut found = Vec::new();
        for extent in extents {
            self.plan_from(0, extent, &mut found);
        }
        found
    }

    /// What to try after `found` turned out not to exist.
    pub(crate) fn plan_without(&mut self, found: Found, further: &mut Vec<Found>) {
        self.missing.insert((found.layer, found.object.object));
        self.plan_from(found.layer, found.placed, further);
    }

    /// The object to read for `found`, and at which snapshot.
    pub(crate) fn source(&self, found: &Found) -> (ObjectId, SnapId) {
        let layer = &self.ancestry.layers[found.layer];
        (layer.data_object(found.object.object), layer.snap())
    }

    /// Whether the object of `found` may turn out not to exist: no object map told of it.
    pub(crate) fn is_guess(&self, found: &Found) -> bool {
        !self.ancestry.layers[found.layer].is_mapped()
    }

    /// Says in the headers of the layers that are looked through for `found` that they are read.
    pub(crate) async fn note_access(&self, client: &Client, found: &[Found]) {
        let deepest = found.iter().map(|found| found.layer).max().unwrap_or(0);
        for layer in self.ancestry.layers.iter().take(deepest + 1) {
            layer.note_access(client).await;
        }
    }

    /// Whether anything was missing that the table allowed for.
    pub(crate) fn was_surprised(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Whether what was missing really is nowhere: reads the chain's headers again. If so it is
    /// remembered; if not, everything found so far is void and a new table is needed.
    ///
    /// The caller makes sure that the clone itself still hangs on this chain.
    pub(crate) async fn conclude(&self, store: &dyn Store) -> Result<bool, CallError> {
        if !self.ancestry.is_unchanged(store).await? {
            return Ok(false);
        }
        for (layer, number) in &self.missing {
            self.ancestry.layers[*layer].note_absent(*number);
        }
        Ok(true)
    }

    pub(crate) fn ancestry(&self) -> &Arc<Ancestry> {
        &self.ancestry
    }

    fn plan_from(&self, layer: usize, extent: Placed, found: &mut Vec<Found>) {
        let lacks = |layer, number| self.missing.contains(&(layer, number));
        self.ancestry.plan(layer, extent, lacks, found);
    }
}
