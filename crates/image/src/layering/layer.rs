//! One ancestor: a snapshot of an image, read without opening the image.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use marcot_format::call::header::{
    GetAccessTimestamp, GetFeatures, GetFlags, GetObjectPrefix, GetSize,
};
use marcot_format::call::parent::{ParentGet, ParentOverlapGet};
use marcot_format::features::{Features, Flags};
use marcot_format::object_map::{MAX_OBJECT_COUNT, ObjectMap, ObjectState};
use marcot_format::object_name;
use marcot_format::parent::ParentImageSpec;
use marcot_store::{ObjectId, PoolId, ReadStep, SnapId, Store};

use super::AncestryError;
use crate::class_call::{Answers, CallError, ask_all, query};
use crate::client::{Client, Location};
use crate::header::StoredLayout;
use crate::migration;
use crate::object_map::load_states;
use crate::striping::Striping;
use crate::timestamps::{Recorded, note_access};

/// A snapshot that a clone, or another layer, shows where it has no object itself.
pub(super) struct Layer {
    pub(super) spec: ParentImageSpec,
    pub(super) striping: Striping,
    pub(super) link: Link,
    location: Location,
    data_pool: PoolId,
    object_prefix: Arc<str>,
    absent: AbsentSet,
    /// Whether that is from an object map, and what is not absent exists.
    mapped: bool,
    accessed: Recorded,
}

/// What of a layer can change under its readers, besides its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Of the snapshot, in bytes.
    pub(super) size: u64,
    /// The next layer; none at the root of the chain.
    pub(super) parent: Option<ParentImageSpec>,
    /// How many bytes of the next layer show through.
    pub(super) overlap: u64,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("spec", &self.spec)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl Layer {
    pub(super) async fn load(
        store: &dyn Store,
        spec: &ParentImageSpec,
    ) -> Result<Layer, AncestryError> {
        let location = Location::new(PoolId(spec.pool_id), spec.pool_namespace.as_str());
        let object = header_object(spec);
        let mut answers = ask_all(store, &object, steps(spec)).await?;
        let (order, link) = link(&mut answers)?;
        let object_prefix = answers.answer::<GetObjectPrefix>()?.into();
        let (features, incompatible) = answers.answer::<GetFeatures>()?;
        let unknown = incompatible.without(Features::ALL);
        if !unknown.is_empty() {
            let image = spec.image_id.as_str().into();
            return Err(AncestryError::UnknownFeatures { image, bits: unknown.bits() });
        }
        if features.contains(Features::MIGRATING)
            && migration::is_destination(store, &object).await?
        {
            return Err(AncestryError::Migrating);
        }
        let flags = answers.answer::<GetFlags>()?;
        let accessed = Recorded::new(answers.answer::<GetAccessTimestamp>()?);
        let mut further = ask_all(store, &object, StoredLayout::steps(features)).await?;
        let layout = StoredLayout::answered(features, &mut further)?;
        let striping = layout.striping(order).map_err(AncestryError::Layout)?;
        let data_pool = layout.data_pool(object.pool);

        let trusted =
            features.contains(Features::OBJECT_MAP) && !flags.contains(Flags::OBJECT_MAP_INVALID);
        let count = striping.object_count(link.size);
        // After the link: a flatten in between has put into the map what the link then no longer
        // leads to.
        let map = if trusted { load_map(store, &location, spec).await? } else { None };
        let (absent, mapped) = (AbsentSet::new(count, map.as_ref()), map.is_some());
        let spec = spec.clone();
        let layer = Layer {
            spec,
            striping,
            link,
            location,
            data_pool,
            object_prefix,
            absent,
            mapped,
            accessed,
        };
        Ok(layer)
    }

    /// Whether the layer is still there and still linked as it was.
    pub(super) async fn is_unchanged(&self, store: &dyn Store) -> Result<bool, CallError> {
        match load_link(store, &self.spec).await {
            Ok(link) => Ok(link == self.link),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Says in the layer's header, now and then, that it is read.
    pub(super) async fn note_access(&self, client: &Client) {
        let header = header_object(&self.spec);
        note_access(client, &client.config, &header, &self.accessed).await;
    }

    pub(super) fn snap(&self) -> SnapId {
        SnapId(self.spec.snap_id)
    }

    pub(super) fn data_object(&self, number: u64) -> ObjectId {
        let name = object_name::data(&self.object_prefix, number);
        ObjectId::new(self.data_pool, Arc::clone(&self.location.namespace), name)
    }

    /// Whether the layer is known to have no such object.
    pub(super) fn lacks(&self, number: u64) -> bool {
        self.absent.contains(number)
    }

    /// Whether an object map tells which objects there are.
    pub(super) fn is_mapped(&self) -> bool {
        self.mapped
    }

    /// Remembers that the layer has no such object.
    pub(super) fn note_absent(&self, number: u64) {
        self.absent.insert(number);
    }
}

fn header_object(spec: &ParentImageSpec) -> ObjectId {
    ObjectId::new(
        PoolId(spec.pool_id),
        spec.pool_namespace.as_str(),
        object_name::header(&spec.image_id),
    )
}

async fn load_link(store: &dyn Store, spec: &ParentImageSpec) -> Result<Link, CallError> {
    let mut answers = ask_all(store, &header_object(spec), link_steps(spec.snap_id)).await?;
    link(&mut answers).map(|(_, link)| link)
}

fn link_steps(snap_id: u64) -> Vec<ReadStep> {
    vec![query(&GetSize { snap_id }), query(&ParentGet {}), query(&ParentOverlapGet { snap_id })]
}

/// The answers to [`link_steps`], and the order that comes with them.
fn link(answers: &mut Answers) -> Result<(u8, Link), CallError> {
    let (order, size) = answers.answer::<GetSize>()?;
    let parent = answers.answer::<ParentGet>()?;
    let overlap = answers.answer::<ParentOverlapGet>()?.unwrap_or(0).min(size);
    let link = match parent.exists() && overlap > 0 {
        true => Link { size, parent: Some(parent), overlap },
        false => Link { size, parent: None, overlap: 0 },
    };
    Ok((order, link))
}

/// What every layer is asked: its link, then what never changes, and its flags.
fn steps(spec: &ParentImageSpec) -> Vec<ReadStep> {
    let snap_id = spec.snap_id;
    let mut steps = link_steps(snap_id);
    steps.extend([
        query(&GetObjectPrefix {}),
        query(&GetFeatures { snap_id: SnapId::HEAD.0, read_only: true }),
        query(&GetFlags { snap_id }),
        query(&GetAccessTimestamp {}),
    ]);
    steps
}

/// The snapshot's object map; none when it is missing or damaged: reads then find out.
async fn load_map(
    store: &dyn Store,
    location: &Location,
    spec: &ParentImageSpec,
) -> Result<Option<ObjectMap>, CallError> {
    let name = object_name::snapshot_object_map(&spec.image_id, spec.snap_id);
    match load_states(store, &location.object(name)).await {
        Ok(states) => Ok(Some(states)),
        Err(CallError::Damaged { .. }) => Ok(None),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Objects that do not exist, as far as is known: grows, never shrinks.
struct AbsentSet {
    /// One bit an object; empty when there are too many objects to keep book of.
    words: Box<[AtomicU64]>,
}

impl AbsentSet {
    fn new(object_count: u64, map: Option<&ObjectMap>) -> AbsentSet {
        if object_count > MAX_OBJECT_COUNT {
            return AbsentSet { words: Box::default() };
        }
        let words = (0..object_count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let set = AbsentSet { words };
        for (objects, state) in map.into_iter().flat_map(ObjectMap::runs) {
            if state == ObjectState::Nonexistent {
                objects.for_each(|number| set.insert(number));
            }
        }
        set
    }

    fn contains(&self, number: u64) -> bool {
        self.word(number)
            .is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (number % 64)) != 0)
    }

    fn insert(&self, number: u64) {
        if let Some(word) = self.word(number) {
            word.fetch_or(1 << (number % 64), Ordering::Relaxed);
        }
    }

    fn word(&self, number: u64) -> Option<&AtomicU64> {
        self.words.get(usize::try_from(number / 64).ok()?)
    }
}
