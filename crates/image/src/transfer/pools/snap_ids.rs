//! Keeping the ids of snapshots: a pool gives no id again that a copied object knows.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use futures_util::lock::Mutex;
use marcot_store::{PoolId, SnapId, Store, StoreError};

/// Ids drawn at once: a cluster settles all that come in together in one round.
const TOGETHER: u64 = 64;

/// The newest id that each pool has given so far, as far as we drew it.
#[derive(Debug, Default)]
pub(super) struct SnapIds {
    given: Mutex<BTreeMap<PoolId, SnapId>>,
}

impl SnapIds {
    /// Draws ids until the pool has given `wanted`. Those between stay unused.
    pub(super) async fn reach(
        &self,
        store: &dyn Store,
        pool: PoolId,
        wanted: SnapId,
    ) -> Result<(), StoreError> {
        let mut all = self.given.lock().await;
        let given = all.entry(pool).or_insert(SnapId(0));
        while *given < wanted {
            let missing = wanted.0 - given.0;
            // Nobody knows yet where the pool stands: the first id tells.
            let count = if given.0 == 0 { 1 } else { missing.min(TOGETHER) };
            let drawn = try_join_all((0..count).map(|_| store.create_snap_id(pool))).await?;
            *given = drawn.into_iter().max().unwrap_or(*given);
        }
        Ok(())
    }
}
