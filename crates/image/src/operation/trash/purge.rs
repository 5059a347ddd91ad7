//! Removing what has been in the trash for long enough.
//!
//! Images that others need (parents of clones) are tried again as long as anything else goes.

use marcot_format::Utime;
use marcot_format::trash::TrashSource;
use marcot_store::{Errno, Space};

use super::TrashError;
use super::remove::{Deferment, remove_from_trash};
use crate::class_call::CallError;
use crate::client::{Access, Client, Location};
use crate::image::{Image, OpenOptions};
use crate::operation::disk_usage::{UsageOptions, disk_usage};
use crate::pool::trash::{self, Entry};
use crate::progress::{NoProgress, Progress};

/// What to purge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PurgeOptions {
    /// Whatever may be removed at that time.
    ExpiredBefore(Utime),
    /// What has been in the trash longest, until the store is filled to that share (0 to 1).
    Threshold(f64),
}

/// Why the trash is not purged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurgeError {
    #[error("a threshold is a share from 0 to 1")]
    Threshold,
    /// The others are gone.
    #[error("some images could not be removed; the last: {0}")]
    Left(TrashError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl PurgeError {
    pub fn errno(&self) -> Errno {
        match self {
            PurgeError::Threshold => Errno::INVAL,
            PurgeError::Left(error) => error.errno(),
            PurgeError::Call(error) => error.errno(),
        }
    }
}

/// Purges the trash of a namespace.
pub async fn purge(
    client: &Client,
    at: &Location,
    options: PurgeOptions,
    progress: &dyn Progress,
) -> Result<(), PurgeError> {
    let entries = trash::list(client, at).await?;
    let by_users =
        |entry: &Entry| matches!(entry.spec.source, TrashSource::User | TrashSource::UserParent);
    let entries: Vec<Entry> = entries.into_iter().filter(by_users).collect();
    let mut doomed = match options {
        PurgeOptions::ExpiredBefore(time) => {
            entries.into_iter().filter(|entry| entry.spec.deferment_end_time <= time).collect()
        }
        PurgeOptions::Threshold(share) => until_below(client, at, entries, share).await?,
    };
    let all = doomed.len() as u64;
    loop {
        let before = doomed.len();
        let mut left = Vec::new();
        let mut last = None;
        for entry in doomed {
            let deferment = Deferment::Overridden;
            match remove_from_trash(client, at, &entry.id, deferment, &NoProgress).await {
                // A parent may have gone with its last clone.
                Ok(()) | Err(TrashError::NotInTrash { .. }) => {}
                Err(error) => {
                    left.push(entry);
                    last = Some(error);
                    continue;
                }
            }
            progress.update(all - left.len() as u64, all);
        }
        match last {
            None => return Ok(()),
            Some(error) if left.len() == before => return Err(PurgeError::Left(error)),
            Some(_) => doomed = left,
        }
    }
}

/// The oldest entries whose removal brings the store's use below `share`.
async fn until_below(
    client: &Client,
    at: &Location,
    mut entries: Vec<Entry>,
    share: f64,
) -> Result<Vec<Entry>, PurgeError> {
    if !(0.0..=1.0).contains(&share) {
        return Err(PurgeError::Threshold);
    }
    let Space { total_bytes, used_bytes, .. } =
        client.store.status().await.map_err(CallError::from)?.space;
    let goal = total_bytes as f64 * share;
    entries.sort_by_key(|entry| entry.spec.deferment_end_time);
    let mut left = used_bytes as f64;
    let mut doomed = Vec::new();
    for entry in entries {
        if left <= goal {
            break;
        }
        left -= used(client, at, &entry).await as f64;
        doomed.push(entry);
    }
    Ok(doomed)
}

/// What an image occupies, as far as it can be told.
async fn used(client: &Client, at: &Location, entry: &Entry) -> u64 {
    let options = OpenOptions::id(entry.id.as_str(), Access::ReadOnly);
    let Ok(image) = Image::open(client, at, options).await else { return 0 };
    let usage = disk_usage(&image, &UsageOptions::default()).await;
    usage.map_or(0, |usage| usage.iter().map(|one| one.used).sum())
}
