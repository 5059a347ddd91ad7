//! The chain of layers above a clone, as a table.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};

use marcot_format::object_map::MAX_OBJECT_COUNT;
use marcot_format::parent::ParentImageSpec;
use marcot_store::{Errno, Store};

use super::layer::Layer;
use crate::class_call::CallError;
use crate::extents::{ImageExtent, ObjectExtent};
use crate::striping::StripingError;

/// The layers from a clone's parent to the root.
#[derive(Debug)]
pub(crate) struct Ancestry {
    pub(super) layers: Vec<Layer>,
    /// How much of each layer can be seen from the first, in bytes.
    visible: Vec<u64>,
    /// All layers have the first one's plain layout: object numbers are the same in all.
    uniform: bool,
    /// Of a uniform chain, per object: no layer before this one holds it. Saves walking.
    nearest: OnceLock<Box<[AtomicU16]>>,
}

/// Why a chain cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AncestryError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("a parent has an impossible layout: {0}")]
    Layout(StripingError),
    /// Features that this release does not know, of the image with that id.
    #[error("a parent uses unsupported features: {bits:#x}")]
    UnknownFeatures { image: Arc<str>, bits: u64 },
    #[error("a parent is being migrated from another image")]
    Migrating,
    #[error("the chain of parents leads back to itself")]
    Loop,
}

impl AncestryError {
    /// Whether a layer has gone: the chain was changed by somebody.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, AncestryError::Call(error) if error.errno() == Errno::NOENT)
    }
}

impl Ancestry {
    /// Reads the headers and object maps of the chain that begins with `first`.
    pub(super) async fn build(
        store: &dyn Store,
        first: &ParentImageSpec,
    ) -> Result<Ancestry, AncestryError> {
        let mut layers: Vec<Layer> = Vec::new();
        let mut visible = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some((first.clone(), u64::MAX));
        while let Some((spec, shown)) = next {
            if !seen.insert(spec.clone()) || layers.len() == usize::from(u16::MAX) {
                return Err(AncestryError::Loop);
            }
            let layer = Layer::load(store, &spec).await?;
            let shown = shown.min(layer.link.size);
            visible.push(shown);
            let further = shown.min(layer.link.overlap);
            next = layer.link.parent.clone().map(|parent| (parent, further));
            layers.push(layer);
        }
        let layout = layers[0].striping;
        let uniform = layout.is_plain() && layers.iter().all(|layer| layer.striping == layout);
        Ok(Ancestry { layers, visible, uniform, nearest: OnceLock::new() })
    }

    /// Whether every layer is still there and linked as it was.
    pub(super) async fn is_unchanged(&self, store: &dyn Store) -> Result<bool, CallError> {
        for layer in &self.layers {
            if !layer.is_unchanged(store).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What of `extent`, an extent of layer `from`, can be found where. `lacks` adds to what the
    /// table knows. Pushes in no particular order; what it does not push is zeros.
    pub(super) fn plan(
        &self,
        from: usize,
        extent: Placed,
        lacks: impl Fn(usize, u64) -> bool,
        found: &mut Vec<Found>,
    ) {
        let mut work = vec![(from, extent)];
        while let Some((index, placed)) = work.pop() {
            let Some(layer) = self.layers.get(index) else { continue };
            let shown = placed.extent.clipped(self.visible[index]);
            for (extent, object) in layer.striping.pieces(shown) {
                let at = placed.at + (extent.offset - placed.extent.offset);
                let piece = Placed { extent, at };
                let nearest = self.nearest(index, object.object, &lacks);
                if nearest == index {
                    found.push(Found { layer: index, object, placed: piece });
                } else {
                    work.push((nearest, piece));
                }
            }
        }
    }

    /// The first layer, from `index` on, that may hold the bytes of an object of layer `index`.
    /// Where layouts differ it looks no further than the next layer.
    fn nearest(&self, index: usize, number: u64, lacks: &impl Fn(usize, u64) -> bool) -> usize {
        let lacking = |layer: usize| self.layers[layer].lacks(number) || lacks(layer, number);
        if !self.uniform {
            return if lacking(index) { index + 1 } else { index };
        }
        let memo = self.memo(number);
        let known = memo.map_or(0, |memo| usize::from(memo.load(Ordering::Relaxed)));
        let mut nearest = index.max(known);
        let mut certain = nearest == known;
        while nearest < self.layers.len() && lacking(nearest) {
            certain = certain && self.layers[nearest].lacks(number);
            nearest += 1;
            if let (true, Some(memo), Ok(value)) = (certain, memo, u16::try_from(nearest)) {
                memo.fetch_max(value, Ordering::Relaxed);
            }
        }
        nearest
    }

    fn memo(&self, number: u64) -> Option<&AtomicU16> {
        let table = self.nearest.get_or_init(|| {
            let count = self.layers[0].striping.object_count(self.visible[0]);
            let count = if count > MAX_OBJECT_COUNT { 0 } else { count };
            (0..count).map(|_| AtomicU16::new(0)).collect()
        });
        table.get(usize::try_from(number).ok()?)
    }
}

/// An extent of some layer, and where its bytes go in the buffer that is being filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) extent: ImageExtent,
    pub(crate) at: u64,
}

/// A piece of an ancestor's object that may hold bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) layer: usize,
    pub(crate) object: ObjectExtent,
    pub(crate) placed: Placed,
}
