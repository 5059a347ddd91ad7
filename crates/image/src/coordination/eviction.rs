//! Who holds the lock, whether that client lives, and what to do when it does not.
//!
//! A holder whose watch is gone may still have writes on their way: it is blocklisted first, so
//! that none of them lands after the lock changed hands, and only then is its lock broken. Where a
//! store cannot list watchers, nobody is taken for dead for being silent: the lock stays.

use marcot_format::call::lock::{BreakLock, GetInfo};
use marcot_format::lock::{
    INTERNAL_TAG, LockInfo, LockKind, LockerId, LockerInfo, RBD_LOCK, watch_handle_of_cookie,
};
use marcot_format::notify::NotifyMessage;
use marcot_store::watch::Watcher;
use marcot_store::{ClientAddress, ClusterChange, Errno, StoreError};

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
    async fn lock_info(&self) -> Result<LockInfo, LockError> {
        let call = GetInfo { name: RBD_LOCK.to_owned() };
        Ok(ask(self.store(), self.header_object(), &call).await?)
    }

    pub(super) async fn find_holder(&self) -> Result<Holder, LockError> {
        let info = self.lock_info().await?;
        let automatic = info.kind == LockKind::Exclusive && info.tag == INTERNAL_TAG;
        let Some((id, details)) = info.lockers.into_iter().next() else {
            return Ok(Holder::Gone);
        };
        let handle = watch_handle_of_cookie(&id.cookie);
        let (true, Some(handle), Some(client)) = (automatic, handle, id.locker.client_number())
        else {
            return Ok(Holder::User(format!("{} {:?}", id.locker, id.cookie)));
        };
        match self.store().list_watchers(self.header_object()).await {
            Ok(watchers) => {
                let its = |watcher: &Watcher| (watcher.client.0, watcher.handle.0);
                let alive = watchers.iter().any(|watcher| its(watcher) == (client, handle));
                let dead = || Holder::Dead(DeadHolder { id, info: details });
                Ok(if alive { Holder::Alive } else { dead() })
            }
            Err(error) if error.errno == Errno::OPNOTSUPP => {
                self.listen_for(id, (client, handle), error).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The holder where watchers cannot be listed: alive if a notification reaches it, which does
    /// nobody any harm. Silence proves nothing.
    async fn listen_for(
        &self,
        id: LockerId,
        watch: (u64, u64),
        why: StoreError,
    ) -> Result<Holder, LockError> {
        let outcome = self.notify(&NotifyMessage::HeaderUpdate).await?;
        let answered = outcome.acks.iter().map(|(client, handle, _)| (client.0, handle.0));
        let slow = outcome.timeouts.iter().map(|(client, handle)| (client.0, handle.0));
        if answered.chain(slow).any(|who| who == watch) {
            return Ok(Holder::Alive);
        }
        // It may have given the lock back meanwhile, or have registered its watch anew.
        if !self.lock_info().await?.lockers.contains_key(&id) {
            return Ok(Holder::Gone);
        }
        Err(LockError::Silent { image: self.name(), locker: id.locker.to_string(), why })
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
