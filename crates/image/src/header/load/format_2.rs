//! Reading a header of format 2 in Ceph's order: what never changes, what does, then each snapshot.
//!
//! Nothing is atomic across the reads. A snapshot that is listed and then gone means that the
//! header changed in between: begin again.

use std::sync::Arc;

use marcot_format::Utime;
use marcot_format::call::header::{
    GetAccessTimestamp, GetCreateTimestamp, GetDataPool, GetFeatures, GetFlags, GetModifyTimestamp,
    GetObjectPrefix, GetSize, GetSnapcontext, GetStripeUnitCount, OpFeaturesGet,
};
use marcot_format::call::lock::GetInfo;
use marcot_format::call::parent::{ParentGet, ParentOverlapGet};
use marcot_format::call::snapshot::{GetProtectionStatus, SnapshotGet};
use marcot_format::features::{Features, OpFeatures};
use marcot_format::lock::RBD_LOCK;
use marcot_store::{ObjectId, PoolId, ReadStep, SnapContext, SnapId, Store};

use crate::class_call::{Answers, ask_all, query};
use crate::header::{Header, HeaderError, Identity, ImageFormat, Parent, Snapshot};
use crate::striping::Striping;

/// How often to begin again when snapshots vanish while they are read.
const ATTEMPTS: usize = 10;

/// What a header says once and for all.
struct Fixed {
    data_pool: PoolId,
    object_prefix: Arc<str>,
    striping: Striping,
    created: Utime,
}

/// Loads the header. `before` spares reading what never changes.
pub(super) async fn load(
    store: &dyn Store,
    identity: &Identity,
    before: Option<&Header>,
) -> Result<Header, HeaderError> {
    let object = identity.header_object();
    let fixed = match before {
        Some(header) => Fixed {
            data_pool: header.data_pool,
            object_prefix: Arc::clone(&header.object_prefix),
            striping: header.striping,
            created: header.created,
        },
        None => load_fixed(store, identity, &object).await?,
    };
    for _ in 0..ATTEMPTS {
        let mut header = load_changing(store, identity, &object, &fixed).await?;
        match load_snapshots(store, &object, &header).await {
            Ok(snapshots) => {
                header.snapshots = snapshots;
                return Ok(header);
            }
            Err(HeaderError::Call(error)) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Err(HeaderError::Unsteady { image: Arc::clone(&identity.name) })
}

async fn load_fixed(
    store: &dyn Store,
    identity: &Identity,
    object: &ObjectId,
) -> Result<Fixed, HeaderError> {
    let steps = vec![
        query(&GetSize { snap_id: SnapId::HEAD.0 }),
        query(&GetObjectPrefix {}),
        query(&GetFeatures { snap_id: SnapId::HEAD.0, read_only: true }),
        query(&GetCreateTimestamp {}),
    ];
    let mut answers = ask_all(store, object, steps).await?;
    let (order, _) = answers.answer::<GetSize>()?;
    let object_prefix = answers.answer::<GetObjectPrefix>()?.into();
    let (features, incompatible) = answers.answer::<GetFeatures>()?;
    let created = answers.answer::<GetCreateTimestamp>()?;
    let unknown = incompatible.without(Features::ALL);
    if !unknown.is_empty() {
        let image = Arc::clone(&identity.name);
        return Err(HeaderError::UnknownFeatures { image, bits: unknown.bits() });
    }

    let striped = features.contains(Features::STRIPING);
    let separate = features.contains(Features::DATA_POOL);
    let mut steps = Vec::new();
    if striped {
        steps.push(query(&GetStripeUnitCount {}));
    }
    if separate {
        steps.push(query(&GetDataPool {}));
    }
    let (mut unit, mut count, mut data_pool) = (0, 0, identity.location.pool);
    if !steps.is_empty() {
        let mut answers = ask_all(store, object, steps).await?;
        if striped {
            (unit, count) = answers.answer::<GetStripeUnitCount>()?;
        }
        if separate {
            data_pool = PoolId(answers.answer::<GetDataPool>()?);
        }
    }
    let striping = Striping::new(order, unit, count)
        .map_err(|source| HeaderError::Layout { image: Arc::clone(&identity.name), source })?;
    Ok(Fixed { data_pool, object_prefix, striping, created })
}

fn changing_steps() -> Vec<ReadStep> {
    let snap_id = SnapId::HEAD.0;
    vec![
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
    ]
}

async fn load_changing(
    store: &dyn Store,
    identity: &Identity,
    object: &ObjectId,
    fixed: &Fixed,
) -> Result<Header, HeaderError> {
    let mut answers = ask_all(store, object, changing_steps()).await?;
    let (_, size) = answers.answer::<GetSize>()?;
    let (features, _) = answers.answer::<GetFeatures>()?;
    let flags = answers.answer::<GetFlags>()?;
    let (seq, snaps) = answers.answer::<GetSnapcontext>()?;
    let lock = answers.answer::<GetInfo>()?;
    let spec = answers.answer::<ParentGet>()?;
    let overlap = answers.answer::<ParentOverlapGet>()?;
    let op_features = answers.answer::<OpFeaturesGet>()?;
    let accessed = answers.answer::<GetAccessTimestamp>()?;
    let modified = answers.answer::<GetModifyTimestamp>()?;
    Ok(Header {
        format: ImageFormat::V2,
        id: Arc::clone(&identity.id),
        name: Arc::clone(&identity.name),
        location: identity.location.clone(),
        data_pool: fixed.data_pool,
        object_prefix: Arc::clone(&fixed.object_prefix),
        striping: fixed.striping,
        size,
        features,
        op_features: if features.contains(Features::OPERATIONS) {
            op_features
        } else {
            OpFeatures::NONE
        },
        flags,
        created: fixed.created,
        accessed,
        modified,
        snap_context: SnapContext {
            seq: SnapId(seq),
            snaps: snaps.into_iter().map(SnapId).collect(),
        },
        snapshots: Vec::new(),
        parent: spec.exists().then_some(Parent { spec, overlap }),
        lock,
    })
}

async fn load_snapshots(
    store: &dyn Store,
    object: &ObjectId,
    header: &Header,
) -> Result<Vec<Snapshot>, HeaderError> {
    let ids = &header.snap_context.snaps;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let steps = ids.iter().flat_map(|&SnapId(snap_id)| {
        [
            query(&SnapshotGet { snap_id }),
            query(&ParentOverlapGet { snap_id }),
            query(&GetFlags { snap_id }),
            query(&GetProtectionStatus { snap_id }),
        ]
    });
    let mut answers = ask_all(store, object, steps.collect()).await?;
    ids.iter().map(|_| next_snapshot(&mut answers)).collect()
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
