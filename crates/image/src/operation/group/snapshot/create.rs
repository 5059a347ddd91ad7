//! Taking a snapshot of all members: record, pauses, locks, snapshots, record.

use std::sync::Arc;

use marcot_format::call::group::GroupSnapSet;
use marcot_format::group::{
    GroupImageStatus, GroupSnapshot, GroupSnapshotState, ImageSnapshotSpec,
};
use marcot_store::Errno;

use super::{GroupSnapshotError, close, find_group, namespace, open, remove_one};
use crate::class_call::{CallError, tell};
use crate::client::{Client, Location};
use crate::coordination::{Paused, Quiesce};
use crate::image::Image;
use crate::operation::claim::Claim;
use crate::operation::snapshot::take;
use crate::pool::group::{self, Group};
use crate::pool::image_id;

/// Takes the snapshot `name` of a group: of all its members at one moment. What fails is undone; a
/// crash leaves an incomplete snapshot that can be removed.
pub async fn create(
    client: &Client,
    at: &Location,
    group: &str,
    name: &str,
    quiesce: Quiesce,
) -> Result<(), GroupSnapshotError> {
    let group = find_group(client, at, group).await?;
    let members = group::members(client, &group).await?;
    let mut record = GroupSnapshot {
        id: image_id::generate(client),
        name: name.to_owned(),
        state: GroupSnapshotState::Incomplete,
        snapshots: members.into_iter().map(unknown_snapshot).collect(),
    };
    set(client, &group, &record).await?;
    let taken = of_members(client, &group, &mut record, quiesce).await;
    if taken.is_err() && record.state == GroupSnapshotState::Incomplete {
        // The first error is what the caller needs to hear. What cannot be undone stays listed,
        // and can be removed later.
        let _ = remove_one(client, &group, &record).await;
    }
    let flushed = client.store.flush().await.map_err(CallError::from);
    taken?;
    Ok(flushed?)
}

fn unknown_snapshot(member: GroupImageStatus) -> ImageSnapshotSpec {
    let spec = member.spec;
    ImageSnapshotSpec { pool_id: spec.pool_id, image_id: spec.image_id, snap_id: 0 }
}

async fn set(
    client: &Client,
    group: &Group,
    record: &GroupSnapshot,
) -> Result<(), GroupSnapshotError> {
    let call = GroupSnapSet { snapshot: record.clone() };
    match tell(&*client.store, &group.header(), &call).await {
        Err(error) if error.errno() == Errno::EXIST => {
            Err(GroupSnapshotError::Exists { name: record.name.clone() })
        }
        other => Ok(other?),
    }
}

async fn of_members(
    client: &Client,
    group: &Group,
    record: &mut GroupSnapshot,
    quiesce: Quiesce,
) -> Result<(), GroupSnapshotError> {
    let mut images = Vec::new();
    let mut opened = Ok(());
    for spec in &record.snapshots {
        match open(client, group, spec).await {
            Ok(image) => images.push(image),
            Err(error) => {
                opened = Err(error);
                break;
            }
        }
    }
    let taken = match opened {
        Ok(()) => with_users_paused(client, group, record, &images, quiesce).await,
        failed => failed,
    };
    let closed = close(&images).await;
    taken.and(closed)
}

async fn with_users_paused(
    client: &Client,
    group: &Group,
    record: &mut GroupSnapshot,
    images: &[Arc<Image>],
    quiesce: Quiesce,
) -> Result<(), GroupSnapshotError> {
    let mut paused: Vec<Paused<'_>> = Vec::new();
    let mut outcome = Ok(());
    for image in images {
        match image.pause_users(quiesce).await {
            Ok(users) => paused.push(users),
            Err(error) => {
                outcome = Err(error.into());
                break;
            }
        }
    }
    if outcome.is_ok() {
        outcome = with_locks(client, group, record, images).await;
    }
    for users in paused {
        users.resume().await;
    }
    outcome
}

/// All members are this client's before the first snapshot: nobody writes between two of them.
async fn with_locks(
    client: &Client,
    group: &Group,
    record: &mut GroupSnapshot,
    images: &[Arc<Image>],
) -> Result<(), GroupSnapshotError> {
    let mut claims = Vec::new();
    for image in images {
        claims.push(Claim::take(image).await?);
    }
    snapshots(group, record, &claims).await?;
    let complete = GroupSnapshot { state: GroupSnapshotState::Complete, ..record.clone() };
    set(client, group, &complete).await?;
    *record = complete;
    for claim in &claims {
        claim.announce().await?;
    }
    Ok(())
}

async fn snapshots(
    group: &Group,
    record: &mut GroupSnapshot,
    claims: &[Claim<'_>],
) -> Result<(), GroupSnapshotError> {
    let name = GroupSnapshot::image_snapshot_name(&group.spec(), &record.id);
    let namespace = namespace(group, &record.id);
    for (claim, spec) in claims.iter().zip(&mut record.snapshots) {
        spec.snap_id = take(claim, &name, &namespace).await?.0;
    }
    Ok(())
}
