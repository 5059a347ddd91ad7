//! Making a pool ready for images (`rbd pool init`, and the first `create` in a pool).

use bytes::Bytes;
use marcot_format::object_name::INFO;
use marcot_store::{ObjectId, OtherApplications, PoolId, ReadStep, WriteOp, WriteStep};

use crate::class_call::{CallError, ask_all};
use crate::client::Client;
use crate::config::{Config, overrides};

/// What Ceph calls RBD where a pool's users are listed.
pub(crate) const APPLICATION: &str = "rbd";

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
    Readiness::read(client, pool).await?.validate(client).await?;
    client.store.flush().await?;
    Ok(())
}

/// What `rbd_info` says of a pool that is to take an image.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    pool: PoolId,
    validated: bool,
    /// The options as they hold for new images of the pool.
    pub(crate) config: Config,
}

impl Readiness {
    /// Reads it.
    pub(crate) async fn read(client: &Client, pool: PoolId) -> Result<Readiness, CallError> {
        let length = VALIDATED.len() as u64;
        let steps = vec![ReadStep::Read { offset: 0, length }, overrides::listing()];
        let mut answers = match ask_all(&*client.store, &info(pool), steps).await {
            Err(error) if error.is_not_found() => {
                let config = (*client.config).clone();
                return Ok(Readiness { pool, validated: false, config });
            }
            other => other?,
        };
        let validated = answers.data()? == VALIDATED;
        let config = client.config.overridden(&overrides::listed(&mut answers)?);
        Ok(Readiness { pool, validated, config })
    }

    /// Marks the pool as one that takes images, unless it is marked.
    pub(crate) async fn validate(&self, client: &Client) -> Result<(), CallError> {
        if self.validated {
            return Ok(());
        }
        let mark = WriteStep::Write { offset: 0, data: Bytes::from_static(VALIDATED) };
        client.store.write(&info(self.pool), WriteOp::new(vec![mark]).ordered()).await?;
        Ok(())
    }
}

fn info(pool: PoolId) -> ObjectId {
    ObjectId::new(pool, "", INFO)
}
