//! Reading a header of format 2 in two operations: what every header has, then what only this one
//! has, as the first told.
//!
//! Nothing is atomic across the reads. A snapshot that is listed and then gone means that the
//! header changed in between: begin again.

use std::sync::Arc;

use marcot_format::Utime;
use marcot_format::call::header::{
    GetAccessTimestamp, GetCreateTimestamp, GetFeatures, GetFlags, GetModifyTimestamp,
    GetObjectPrefix, GetSize, GetSnapcontext, OpFeaturesGet,
};
use marcot_format::call::lock::GetInfo;
use marcot_format::call::parent::{ParentGet, ParentOverlapGet};
use marcot_format::call::snapshot::{GetProtectionStatus, SnapshotGet};
use marcot_format::features::{Features, Flags, OpFeatures};
use marcot_format::lock::{LockInfo, RBD_LOCK};
use marcot_store::{ObjectId, ReadStep, SnapContext, SnapId, Store};

use super::StoredLayout;
use crate::class_call::{Answers, ask_all, query};
use crate::header::{Header, HeaderError, Identity, ImageFormat, Parent, Snapshot};

/// How often to begin again when snapshots vanish while they are read.
const ATTEMPTS: usize = 10;

/// Loads the header. `before` spares reading what never changes.
pub(super) async fn load(
    store: &dyn Store,
    identity: &Identity,
    before: Option<&Header>,
) -> Result<Header, HeaderError> {
    let object = identity.header_object();
    for _ in 0..ATTEMPTS {
        let head = load_head(store, identity, &object, before).await?;
        match load_rest(store, &object, &head).await {
            Ok(rest) => return assemble(identity, head, rest),
            Err(HeaderError::Call(error)) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Err(HeaderError::Unsteady { image: Arc::clone(&identity.name) })
}

/// What the first read yields.
struct Head<'a> {
    size: u64,
    features: Features,
    flags: Flags,
    snap_context: SnapContext,
    lock: LockInfo,
    parent: Option<Parent>,
    op_features: OpFeatures,
    accessed: Utime,
    modified: Utime,
    fixed: Fixed<'a>,
}

/// What a header says once and for all.
enum Fixed<'a> {
    /// It was read before.
    Known(&'a Header),
    Read {
        order: u8,
        object_prefix: String,
        created: Utime,
    },
}

/// What only those headers have that the first read told of.
struct Rest {
    layout: StoredLayout,
    snapshots: Vec<Snapshot>,
}

fn head_steps(before: Option<&Header>) -> Vec<ReadStep> {
    let snap_id = SnapId::HEAD.0;
    let mut steps = vec![
        query(&GetSize { snap_id }),
        query(&GetFeatures { snap_id, read_only: true }),
        query(&GetFlags { snap_id }),
        query(&GetSnapcontext {}),
        query(&GetInfo { name: RBD_LOCK.to_owned() }),
        query(&ParentGet {}),
        query(&ParentOverlapGet { snap_id }),
        query(&OpFeaturesGet {}),
        query(&GetAccessTimestamp {}),
        query(&GetModifyTimestamp {}),
    ];
    if before.is_none() {
        steps.extend([query(&GetObjectPrefix {}), query(&GetCreateTimestamp {})]);
    }
    steps
}

async fn load_head<'a>(
    store: &dyn Store,
    identity: &Identity,
    object: &ObjectId,
    before: Option<&'a Header>,
) -> Result<Head<'a>, HeaderError> {
    let mut answers = ask_all(store, object, head_steps(before)).await?;
    let (order, size) = answers.answer::<GetSize>()?;
    let (features, incompatible) = answers.answer::<GetFeatures>()?;
    let flags = answers.answer::<GetFlags>()?;
    let (seq, snaps) = answers.answer::<GetSnapcontext>()?;
    let lock = answers.answer::<GetInfo>()?;
    let spec = answers.answer::<ParentGet>()?;
    let overlap = answers.answer::<ParentOverlapGet>()?;
    let op_features = answers.answer::<OpFeaturesGet>()?;
    let accessed = answers.answer::<GetAccessTimestamp>()?;
    let modified = answers.answer::<GetModifyTimestamp>()?;
    let fixed = match before {
        Some(header) => Fixed::Known(header),
        None => {
            let unknown = incompatible.without(Features::ALL);
            if !unknown.is_empty() {
                let image = Arc::clone(&identity.name);
                return Err(HeaderError::UnknownFeatures { image, bits: unknown.bits() });
            }
            let object_prefix = answers.answer::<GetObjectPrefix>()?;
            let created = answers.answer::<GetCreateTimestamp>()?;
            Fixed::Read { order, object_prefix, created }
        }
    };
    let operations = features.contains(Features::OPERATIONS);
    let snaps = snaps.into_iter().map(SnapId).collect();
    Ok(Head {
        size,
        features,
        flags,
        snap_context: SnapContext { seq: SnapId(seq), snaps },
        lock,
        parent: spec.exists().then_some(Parent { spec, overlap }),
        op_features: if operations { op_features } else { OpFeatures::NONE },
        accessed,
        modified,
        fixed,
    })
}

async fn load_rest(
    store: &dyn Store,
    object: &ObjectId,
    head: &Head<'_>,
) -> Result<Rest, HeaderError> {
    // It never changes.
    let asked = match head.fixed {
        Fixed::Known(_) => Features::NONE,
        Fixed::Read { .. } => head.features,
    };
    let mut steps = StoredLayout::steps(asked);
    let ids = &head.snap_context.snaps;
    steps.extend(ids.iter().flat_map(|&SnapId(snap_id)| {
        [
            query(&SnapshotGet { snap_id }),
            query(&ParentOverlapGet { snap_id }),
            query(&GetFlags { snap_id }),
            query(&GetProtectionStatus { snap_id }),
        ]
    }));
    let mut answers = ask_all(store, object, steps).await?;
    let layout = StoredLayout::answered(asked, &mut answers)?;
    let snapshots = ids.iter().map(|_| next_snapshot(&mut answers)).collect::<Result<_, _>>()?;
    Ok(Rest { layout, snapshots })
}

fn assemble(identity: &Identity, head: Head<'_>, rest: Rest) -> Result<Header, HeaderError> {
    let (data_pool, object_prefix, striping, created) = match head.fixed {
        Fixed::Known(before) => {
            let prefix = Arc::clone(&before.object_prefix);
            (before.data_pool, prefix, before.striping, before.created)
        }
        Fixed::Read { order, object_prefix, created } => {
            let striping = rest.layout.striping(order).map_err(|source| HeaderError::Layout {
                image: Arc::clone(&identity.name),
                source,
            })?;
            let data_pool = rest.layout.data_pool(identity.location.pool);
            (data_pool, object_prefix.into(), striping, created)
        }
    };
    Ok(Header {
        format: ImageFormat::V2,
        id: Arc::clone(&identity.id),
        name: Arc::clone(&identity.name),
        location: identity.location.clone(),
        data_pool,
        object_prefix,
        striping,
        size: head.size,
        features: head.features,
        op_features: head.op_features,
        flags: head.flags,
        created,
        accessed: head.accessed,
        modified: head.modified,
        snap_context: head.snap_context,
        snapshots: rest.snapshots,
        parent: head.parent,
        lock: head.lock,
    })
}

fn next_snapshot(answers: &mut Answers) -> Result<Snapshot, HeaderError> {
    let info = answers.answer::<SnapshotGet>()?;
    Ok(Snapshot {
        id: SnapId(info.id),
        name: info.name,
        namespace: info.namespace,
        size: info.image_size,
        timestamp: info.timestamp,
        child_count: info.child_count,
        parent_overlap: answers.answer::<ParentOverlapGet>()?,
        flags: answers.answer::<GetFlags>()?,
        protection: answers.answer::<GetProtectionStatus>()?,
    })
}
