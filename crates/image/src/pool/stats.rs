//! How much the images of a namespace promise to hold.

use marcot_store::Errno;

use super::{directory, trash};
use crate::class_call::CallError;
use crate::client::{Access, Client, Location};
use crate::image::{Image, OpenError, OpenOptions};

/// Numbers of some images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub images: u64,
    /// The largest size that each image has, or had at a snapshot.
    pub provisioned_bytes: u64,
    pub snapshots: u64,
}

/// What a namespace holds. Images of format 1 are left out, as in Ceph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    pub images: Tally,
    pub trash: Tally,
}

/// Why a pool could not be counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatsError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl StatsError {
    pub fn errno(&self) -> Errno {
        match self {
            StatsError::Open(error) => error.errno(),
            StatsError::Call(error) => error.errno(),
        }
    }
}

/// Counts the images of a namespace, and those in its trash.
pub async fn stats(client: &Client, at: &Location) -> Result<PoolStats, StatsError> {
    let mut stats = PoolStats::default();
    for entry in directory::list(client, at).await? {
        if let Some(id) = &entry.id {
            stats.images.add(client, at, id).await?;
        }
    }
    for entry in trash::list(client, at).await? {
        stats.trash.add(client, at, &entry.id).await?;
    }
    Ok(stats)
}

impl Tally {
    async fn add(&mut self, client: &Client, at: &Location, id: &str) -> Result<(), StatsError> {
        let image = match Image::open(client, at, OpenOptions::id(id, Access::ReadOnly)).await {
            // It went while we counted.
            Err(error) if error.errno() == Errno::NOENT => return Ok(()),
            other => other?,
        };
        let header = image.header();
        let sizes = header.snapshots.iter().map(|snapshot| snapshot.size);
        let largest = sizes.chain([header.size]).max().unwrap_or_default();
        self.images += 1;
        self.provisioned_bytes = self.provisioned_bytes.saturating_add(largest);
        self.snapshots += header.snapshots.len() as u64;
        Ok(())
    }
}
