//! How much of an image is used, per snapshot (`rbd du`).
//!
//! What a snapshot uses is what changed since the one before. With a valid fast-diff map whole
//! objects count; an exact scan asks each object for the ranges that changed.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use marcot_format::features::{Features, Flags};
use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_store::{Errno, SnapId};

use super::object_history::change;
use super::object_map::history;
use super::snapshot::{Scope, list};
use crate::class_call::CallError;
use crate::extents::ObjectExtent;
use crate::header::{Header, HeaderError};
use crate::image::Image;
use crate::object_map::load_states;

/// How closely to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// An object that changed counts whole.
    #[default]
    WholeObjects,
    /// Changed ranges only.
    Exact,
}

/// What of an image to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageOptions {
    pub precision: Precision,
    /// Begin after this user snapshot.
    pub from: Option<String>,
}

/// One line of `rbd du`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The snapshot's name; none for the head.
    pub snapshot: Option<(SnapId, String)>,
    /// In bytes.
    pub provisioned: u64,
    /// In bytes.
    pub used: u64,
}

/// Why usage is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("image {image} has no snapshot {name}")]
    NoSnapshot { image: Arc<str>, name: String },
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl UsageError {
    pub fn errno(&self) -> Errno {
        match self {
            UsageError::NoSnapshot { .. } => Errno::NOENT,
            UsageError::Header(error) => error.errno(),
            UsageError::Call(error) => error.errno(),
        }
    }
}

/// Whether [`disk_usage`] can do without asking every object.
pub fn has_fast_diff(header: &Header) -> bool {
    header.features.contains(Features::FAST_DIFF)
        && !header.flags.intersects(Flags::OBJECT_MAP_INVALID | Flags::FAST_DIFF_INVALID)
}

/// What each user snapshot, oldest first, and then the head use. An image that was opened at a
/// snapshot ends there.
pub async fn disk_usage(image: &Image, options: &UsageOptions) -> Result<Vec<Usage>, UsageError> {
    image.refresh().await?;
    let header = image.header();
    let mut before = match &options.from {
        Some(name) => match header.snapshot_by_name(name) {
            Some(snapshot) => Some(snapshot.id),
            None => {
                let image = Arc::clone(&header.name);
                return Err(UsageError::NoSnapshot { image, name: name.clone() });
            }
        },
        None => None,
    };
    let mut lines = Vec::new();
    for snapshot in list(&header, Scope::User) {
        if before.is_some_and(|before| snapshot.id <= before) || snapshot.id > image.snap() {
            continue;
        }
        let used = used(image, &header, before, snapshot.id, options.precision).await?;
        let name = Some((snapshot.id, snapshot.name.clone()));
        lines.push(Usage { snapshot: name, provisioned: snapshot.size, used });
        before = Some(snapshot.id);
    }
    if image.snap() == SnapId::HEAD {
        let used = used(image, &header, before, SnapId::HEAD, options.precision).await?;
        lines.push(Usage { snapshot: None, provisioned: header.size, used });
    }
    Ok(lines)
}

/// The bytes that exist at `to` and changed since `from`.
pub async fn used(
    image: &Image,
    header: &Header,
    from: Option<SnapId>,
    to: SnapId,
    precision: Precision,
) -> Result<u64, CallError> {
    let size = header.view(to).map_or(0, |view| view.size);
    if precision == Precision::WholeObjects
        && let Some(changed) = changed_by_maps(image, header, from, to).await?
    {
        return Ok(changed.map(|number| whole(header, number, size)).sum());
    }
    let at_once = image.config().concurrent_management_ops.max(1);
    let looks = (0..header.object_count(size))
        .map(|number| async move { (number, history(image.store(), header, number).await) });
    let mut looks = stream::iter(looks).buffer_unordered(at_once);
    let mut used = 0;
    while let Some((number, history)) = looks.next().await {
        let change = change(&history?, from, to);
        if !change.exists || change.ranges.is_empty() {
            continue;
        }
        used += match precision {
            Precision::WholeObjects => whole(header, number, size),
            Precision::Exact => change
                .ranges
                .as_slice()
                .iter()
                .map(|(offset, length)| within(header, number, *offset, *length, size))
                .sum(),
        };
    }
    Ok(used)
}

/// The bytes of an object that lie within the image.
fn whole(header: &Header, number: u64, size: u64) -> u64 {
    within(header, number, 0, header.striping.object_size(), size)
}

fn within(header: &Header, object: u64, offset: u64, length: u64, size: u64) -> u64 {
    header
        .striping
        .image_extents(ObjectExtent { object, offset, length })
        .map(|extent| if extent.offset < size { extent.clipped(size).length } else { 0 })
        .sum()
}

/// The objects that changed, from the maps of all snapshots in between; `None` when one of them
/// cannot be relied on.
async fn changed_by_maps(
    image: &Image,
    header: &Header,
    from: Option<SnapId>,
    to: SnapId,
) -> Result<Option<impl Iterator<Item = u64>>, CallError> {
    if !header.features.contains(Features::FAST_DIFF) {
        return Ok(None);
    }
    let between = header.snapshots.iter().rev().map(|snapshot| snapshot.id);
    let between = between.filter(|id| from.is_none_or(|from| *id >= from) && *id < to);
    let mut before: Option<States> = None;
    let mut changed: Vec<bool> = Vec::new();
    for snap in between.chain([to]) {
        let Some(states) = reliable_map(image, header, snap).await? else { return Ok(None) };
        changed.resize(states.len() as usize, false);
        if Some(snap) != from {
            note_changes(&mut changed, before.as_ref(), &states);
        }
        before = Some(states);
    }
    let numbers = changed.into_iter().zip(0u64..);
    Ok(Some(numbers.filter_map(|(changed, number)| changed.then_some(number))))
}

fn note_changes(changed: &mut [bool], before: Option<&States>, states: &States) {
    for (number, state) in (0u64..).zip(states.iter()) {
        let was_there = before
            .and_then(|before| before.get(number))
            .is_some_and(|state| state != ObjectState::Nonexistent);
        let Some(changed) = changed.get_mut(number as usize) else { return };
        match state {
            ObjectState::Nonexistent => *changed = false,
            ObjectState::Exists | ObjectState::Pending => *changed = true,
            ObjectState::ExistsClean => *changed |= !was_there,
        }
    }
}

async fn reliable_map(
    image: &Image,
    header: &Header,
    snap: SnapId,
) -> Result<Option<States>, CallError> {
    let invalid = Flags::OBJECT_MAP_INVALID | Flags::FAST_DIFF_INVALID;
    if header.view(snap).is_none_or(|view| view.flags.intersects(invalid)) {
        return Ok(None);
    }
    match load_states(image.store(), &header.object_map_object(snap)).await {
        Ok(states) => Ok(Some(states)),
        Err(CallError::Damaged { .. }) => Ok(None),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
