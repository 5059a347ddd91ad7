//! Reading a header of format 1: one object that holds everything, in one operation.

use std::sync::Arc;

use marcot_format::Utime;
use marcot_format::call::lock::GetInfo;
use marcot_format::features::{Features, Flags, OpFeatures};
use marcot_format::format_1::{Format1Header, Format1Snapshot};
use marcot_format::lock::{LockInfo, RBD_LOCK};
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_store::{ReadStep, SnapContext, SnapId, Store};

use crate::class_call::{ask_all, query};
use crate::header::{Header, HeaderError, Identity, ImageFormat, Snapshot};
use crate::striping::Striping;

/// The longest header that is read: more snapshots than this holds make it a damaged one.
const LONGEST: u64 = 16 << 20;

/// Reads the whole of a header of format 1.
pub(crate) fn whole_format_1() -> ReadStep {
    ReadStep::Read { offset: 0, length: LONGEST }
}

/// Loads the header.
pub(super) async fn load(store: &dyn Store, identity: &Identity) -> Result<Header, HeaderError> {
    let steps = vec![whole_format_1(), query(&GetInfo { name: RBD_LOCK.to_owned() })];
    let mut answers = ask_all(store, &identity.header_object(), steps).await?;
    let stored = answers.record::<Format1Header>()?;
    let lock = answers.answer::<GetInfo>()?;
    header(identity, stored, lock)
}

fn header(
    identity: &Identity,
    stored: Format1Header,
    lock: LockInfo,
) -> Result<Header, HeaderError> {
    let striping = Striping::plain(stored.order)
        .map_err(|source| HeaderError::Layout { image: Arc::clone(&identity.name), source })?;
    Ok(Header {
        format: ImageFormat::V1,
        id: Arc::clone(&identity.id),
        name: Arc::clone(&identity.name),
        location: identity.location.clone(),
        data_pool: identity.location.pool,
        object_prefix: stored.block_name.into(),
        striping,
        size: stored.size,
        features: Features::NONE,
        op_features: OpFeatures::NONE,
        flags: Flags::NONE,
        // It keeps no times. As with librbd, the first to read or write records one all the same.
        created: Utime::default(),
        accessed: Utime::default(),
        modified: Utime::default(),
        snap_context: SnapContext {
            seq: SnapId(stored.snap_seq),
            snaps: stored.snapshots.iter().map(|snap| SnapId(snap.id)).collect(),
        },
        snapshots: stored.snapshots.into_iter().map(snapshot).collect(),
        parent: None,
        lock,
    })
}

fn snapshot(stored: Format1Snapshot) -> Snapshot {
    Snapshot {
        id: SnapId(stored.id),
        name: stored.name,
        namespace: SnapshotNamespace::User,
        size: stored.size,
        timestamp: Utime::default(),
        child_count: 0,
        protection: ProtectionStatus::Unprotected,
        flags: Flags::NONE,
        parent_overlap: None,
    }
}
