//! Making a pool ready for images (`rbd pool init`, and the first `create` in a pool).

use bytes::Bytes;
use marcot_format::object_name::INFO;
use marcot_store::{
    Errno, ObjectId, OtherApplications, PoolId, ReadOp, ReadResult, ReadStep, SnapId, WriteOp,
    WriteStep,
};

use crate::class_call::CallError;
use crate::client::Client;

/// What Ceph calls RBD where a pool's users are listed.
const APPLICATION: &str = "rbd";

/// What `rbd_info` says once somebody has seen that objects of the pool can be overwritten.
pub(crate) const VALIDATED: &[u8] = b"overwrite validated";

/// Marks the pool as RBD's, and as one that takes images. Doing it twice is no error.
///
/// Ceph takes and gives back a snapshot id on the way, to see that the pool has self-managed
/// snapshots; here the first snapshot finds out.
pub async fn init(
    client: &Client,
    pool: PoolId,
    others: OtherApplications,
) -> Result<(), CallError> {
    client.store.enable_application(pool, APPLICATION, others).await?;
    validate(client, pool).await?;
    client.store.flush().await?;
    Ok(())
}

/// [`init`] without the flush.
pub(crate) async fn validate(client: &Client, pool: PoolId) -> Result<(), CallError> {
    let object = ObjectId::new(pool, "", INFO);
    if data(client, &object).await?.as_deref() == Some(VALIDATED) {
        return Ok(());
    }
    let mark = WriteStep::Write { offset: 0, data: Bytes::from_static(VALIDATED) };
    client.store.write(&object, WriteOp::new(vec![mark]).ordered()).await?;
    Ok(())
}

async fn data(client: &Client, object: &ObjectId) -> Result<Option<Bytes>, CallError> {
    let read = ReadOp::single(ReadStep::Read { offset: 0, length: VALIDATED.len() as u64 });
    match client.store.read(object, SnapId::HEAD, read).await {
        Ok(results) => Ok(results.into_iter().find_map(|result| match result {
            ReadResult::Data(data) => Some(data),
            _ => None,
        })),
        Err(error) if error.errno == Errno::NOENT => Ok(None),
        Err(error) => Err(error.into()),
    }
}
