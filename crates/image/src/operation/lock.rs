//! Locks that users take on an image by name (`rbd lock`). They keep nobody from anything but
//! taking a lock that excludes them; an image with exclusive-lock cannot be written meanwhile.

use marcot_format::Utime;
use marcot_format::call::lock::{BreakLock, GetInfo, Lock};
use marcot_format::entity::EntityName;
use marcot_format::lock::{LockInfo, LockKind, RBD_LOCK};
use marcot_store::Errno;

use crate::class_call::{CallError, ask, tell};
use crate::image::Image;
use crate::operation::claim::{ClaimError, check_writable};

/// Why a lock was not taken or broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserLockError {
    #[error("lock is already held by someone else")]
    Held,
    #[error("lock is already held by someone else with a different tag")]
    HeldWithOtherTag,
    #[error("there is no such lock")]
    NotFound,
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl UserLockError {
    pub fn errno(&self) -> Errno {
        match self {
            UserLockError::Held | UserLockError::HeldWithOtherTag => Errno::BUSY,
            UserLockError::NotFound => Errno::NOENT,
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
        tag: tag.clone(),
        description: String::new(),
        duration: Utime::default(),
        flags: 0,
    };
    match tell(image.store(), image.header_object(), &call).await {
        Err(error) if matches!(error.errno(), Errno::BUSY | Errno::EXIST) => {
            return Err(match list(image).await?.tag == tag {
                true => UserLockError::Held,
                false => UserLockError::HeldWithOtherTag,
            });
        }
        other => other?,
    }
    Ok(image.store().flush().await.map_err(CallError::from)?)
}

/// Breaks the lock that `locker` (`client.N`) holds under the name `id`.
pub async fn remove(image: &Image, id: &str, locker: &str) -> Result<(), UserLockError> {
    check_writable(image)?;
    let locker = EntityName::parse(locker).ok_or(UserLockError::NotFound)?;
    let call = BreakLock { name: RBD_LOCK.to_owned(), locker, cookie: id.to_owned() };
    match tell(image.store(), image.header_object(), &call).await {
        Err(error) if error.is_not_found() => return Err(UserLockError::NotFound),
        other => other?,
    }
    Ok(image.store().flush().await.map_err(CallError::from)?)
}
