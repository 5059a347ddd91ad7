//! Locks that users take on an image by name (`rbd lock`). They keep nobody from anything but
//! taking a lock that excludes them; an image with exclusive-lock cannot be written meanwhile.
//!
//! Whose lock is broken is shut out of the store first: it may believe that it holds the lock, and
//! have writes on their way.

use marcot_format::Utime;
use marcot_format::call::lock::{BreakLock, GetInfo, Lock};
use marcot_format::entity::EntityName;
use marcot_format::lock::{LockInfo, LockKind, RBD_LOCK};
use marcot_store::{ClientAddress, ClusterChange, Errno};

use crate::class_call::{CallError, ask, tell};
use crate::image::Image;
use crate::operation::claim::{ClaimError, check_writable};

/// Why a lock was not taken or broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserLockError {
    #[error("lock is already held by someone else")]
    Held,
    #[error("lock is already held by this client under that name")]
    Ours,
    #[error("lock is already held by someone else with a different tag")]
    HeldWithOtherTag,
    #[error("there is no such lock")]
    NotFound,
    #[error("'{locker}' is no client; `rbd lock ls` shows who holds a lock")]
    NoLocker { locker: String },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl UserLockError {
    pub fn errno(&self) -> Errno {
        match self {
            UserLockError::Held | UserLockError::HeldWithOtherTag => Errno::BUSY,
            UserLockError::Ours => Errno::EXIST,
            UserLockError::NotFound => Errno::NOENT,
            UserLockError::NoLocker { .. } => Errno::INVAL,
            UserLockError::Claim(error) => error.errno(),
            UserLockError::Call(error) => error.errno(),
        }
    }
}

/// How to lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sharing {
    Exclusive,
    /// With all others that use the same tag.
    Shared {
        tag: String,
    },
}

/// Who holds the lock, and how.
pub async fn list(image: &Image) -> Result<LockInfo, CallError> {
    let call = GetInfo { name: RBD_LOCK.to_owned() };
    ask(image.store(), image.header_object(), &call).await
}

/// Takes a lock under the name `id`. It stays when the image is closed.
pub async fn add(image: &Image, id: &str, sharing: &Sharing) -> Result<(), UserLockError> {
    check_writable(image)?;
    let (kind, tag) = match sharing {
        Sharing::Exclusive => (LockKind::Exclusive, String::new()),
        Sharing::Shared { tag } => (LockKind::Shared, tag.clone()),
    };
    let call = Lock {
        name: RBD_LOCK.to_owned(),
        kind,
        cookie: id.to_owned(),
        tag,
        description: String::new(),
        duration: Utime::default(),
        flags: 0,
    };
    if let Err(error) = tell(image.store(), image.header_object(), &call).await {
        return Err(match (error.errno(), sharing) {
            (Errno::BUSY, Sharing::Shared { .. }) => UserLockError::HeldWithOtherTag,
            (Errno::BUSY, Sharing::Exclusive) => UserLockError::Held,
            (Errno::EXIST, _) => UserLockError::Ours,
            _ => error.into(),
        });
    }
    announce(image).await
}

/// Breaks the lock that `locker` (`client.N`) holds under the name `id`. A client that is not this
/// one is blocklisted first, unless `rbd_blocklist_on_break_lock` is false.
pub async fn remove(image: &Image, id: &str, locker: &str) -> Result<(), UserLockError> {
    check_writable(image)?;
    let no_locker = || UserLockError::NoLocker { locker: locker.to_owned() };
    let locker = EntityName::parse(locker).ok_or_else(no_locker)?;
    if image.config().blocklist_on_break_lock {
        shut_out(image, locker).await?;
    }
    let call = BreakLock { name: RBD_LOCK.to_owned(), locker, cookie: id.to_owned() };
    match tell(image.store(), image.header_object(), &call).await {
        Err(error) if error.is_not_found() => return Err(UserLockError::NotFound),
        other => other?,
    }
    announce(image).await
}

/// Blocklists a holder of the lock.
async fn shut_out(image: &Image, locker: EntityName) -> Result<(), UserLockError> {
    let lockers = list(image).await?.lockers;
    let holder = lockers.iter().find(|(id, _)| id.locker == locker);
    let address = holder.ok_or(UserLockError::NotFound)?.1.address;
    let address = ClientAddress(address.to_string());
    if address != image.store().client_address() {
        let change = ClusterChange::AddBlocklist { address };
        image.store().administer(change).await.map_err(CallError::from)?;
    }
    Ok(())
}

/// Tells the image's clients that its lock changed hands.
async fn announce(image: &Image) -> Result<(), UserLockError> {
    image.notify_header_update().await.map_err(CallError::from)?;
    Ok(image.store().flush().await.map_err(CallError::from)?)
}
