//! Who holds the lock, whether that client lives, and what to do when it does not.
//!
//! A holder whose watch is gone may still have writes on their way: it is blocklisted first, so
//! that none of them lands after the lock changed hands, and only then is its lock broken.

use marcot_format::call::lock::{BreakLock, GetInfo};
use marcot_format::lock::{
    INTERNAL_TAG, LockInfo, LockKind, LockerId, LockerInfo, RBD_LOCK, watch_handle_of_cookie,
};
use marcot_format::notify::NotifyMessage;
use marcot_store::{ClientAddress, ClusterChange, Errno};

use super::LockError;
use crate::class_call::{ask, tell};
use crate::image::Image;

/// Who holds the exclusive lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Nobody any more.
    Gone,
    /// A client that watches the header.
    Alive,
    /// A client whose watch is gone.
    Dead(DeadHolder),
    /// Somebody who took the lock by hand.
    User(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeadHolder {
    id: LockerId,
    info: LockerInfo,
}

impl Image {
    pub(super) async fn find_holder(&self) -> Result<Holder, LockError> {
        let call = GetInfo { name: RBD_LOCK.to_owned() };
        let info: LockInfo = ask(self.store(), self.header_object(), &call).await?;
        let automatic = info.kind == LockKind::Exclusive && info.tag == INTERNAL_TAG;
        let Some((id, details)) = info.lockers.into_iter().next() else {
            return Ok(Holder::Gone);
        };
        let handle = watch_handle_of_cookie(&id.cookie);
        let (true, Some(handle), Some(client)) = (automatic, handle, id.locker.client_number())
        else {
            return Ok(Holder::User(format!("{} {:?}", id.locker, id.cookie)));
        };
        let alive = self.is_watching(client, handle).await?;
        Ok(match alive {
            true => Holder::Alive,
            false => Holder::Dead(DeadHolder { id, info: details }),
        })
    }

    /// Whether that watch on the header lives. Where watchers cannot be listed, those who hear a
    /// notification are the watchers; reading the header once more does them no harm.
    async fn is_watching(&self, client: u64, handle: u64) -> Result<bool, LockError> {
        match self.store().list_watchers(self.header_object()).await {
            Ok(watchers) => Ok(watchers
                .iter()
                .any(|watcher| watcher.client.0 == client && watcher.handle.0 == handle)),
            Err(error) if error.errno == Errno::OPNOTSUPP => {
                let outcome = self.notify(&NotifyMessage::HeaderUpdate).await?;
                let answered = outcome.acks.iter().map(|(client, handle, _)| (client, handle));
                let silent = outcome.timeouts.iter().map(|(client, handle)| (client, handle));
                Ok(answered.chain(silent).any(|who| (who.0.0, who.1.0) == (client, handle)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Shuts a dead holder out and breaks its lock.
    pub(super) async fn evict(&self, holder: DeadHolder) -> Result<(), LockError> {
        let address = ClientAddress(holder.info.address.to_string());
        // A handle of this very client that died with its watch: shutting ourselves out helps
        // nobody.
        let ours = address == self.store().client_address();
        if !ours && self.config().blocklist_on_break_lock {
            tracing::warn!(%address, image = ?self, "breaking the lock of a dead client");
            self.store().administer(ClusterChange::AddBlocklist { address }).await?;
        }
        let LockerId { locker, cookie } = holder.id;
        let breaking = BreakLock { name: RBD_LOCK.to_owned(), locker, cookie };
        match tell(self.store(), self.header_object(), &breaking).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => Ok(other?),
        }
    }
}
