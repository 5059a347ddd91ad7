//! Namespaces of a pool: own directories of images, listed in the default one.

use marcot_format::call::directory::{DirStateAssert, DirStateSet};
use marcot_format::call::namespace::{NamespaceAdd, NamespaceList, NamespaceRemove};
use marcot_format::call::trash::TrashList;
use marcot_format::directory::DirectoryState;
use marcot_format::object_name::{DIRECTORY, GROUP_DIRECTORY, NAMESPACE, TRASH};
use marcot_store::{
    Errno, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapId, WriteOp, WriteStep,
};

use crate::class_call::{CallError, ask, exec, tell};
use crate::client::{Client, Location};

/// How many names to ask for at once.
const PAGE: u64 = 1024;

/// Why a namespace was not created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateNamespaceError {
    #[error("a namespace needs a name")]
    NoName,
    #[error("namespace '{name}' already exists")]
    Exists { name: String },
    #[error(transparent)]
    Call(#[from] CallError),
}

impl CreateNamespaceError {
    pub fn errno(&self) -> Errno {
        match self {
            CreateNamespaceError::NoName => Errno::INVAL,
            CreateNamespaceError::Exists { .. } => Errno::EXIST,
            CreateNamespaceError::Call(error) => error.errno(),
        }
    }
}

/// Why a namespace was not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoveNamespaceError {
    #[error("a namespace needs a name")]
    NoName,
    #[error("namespace '{name}' does not exist")]
    NotFound { name: String },
    #[error("namespace '{name}' contains images, trash or groups; remove them first")]
    NotEmpty { name: String },
    #[error(transparent)]
    Call(#[from] CallError),
}

impl RemoveNamespaceError {
    pub fn errno(&self) -> Errno {
        match self {
            RemoveNamespaceError::NoName => Errno::INVAL,
            RemoveNamespaceError::NotFound { .. } => Errno::NOENT,
            RemoveNamespaceError::NotEmpty { .. } => Errno::BUSY,
            RemoveNamespaceError::Call(error) => error.errno(),
        }
    }
}

/// Adds a namespace: first its name to the pool's list, then its directory.
pub async fn create(client: &Client, pool: PoolId, name: &str) -> Result<(), CreateNamespaceError> {
    if name.is_empty() {
        return Err(CreateNamespaceError::NoName);
    }
    let store = &*client.store;
    let add = NamespaceAdd { name: name.to_owned() };
    match tell(store, &listing(pool), &add).await {
        Err(error) if error.errno() == Errno::EXIST => {
            return Err(CreateNamespaceError::Exists { name: name.to_owned() });
        }
        other => other?,
    }
    let ready = DirStateSet { state: DirectoryState::Ready };
    if let Err(error) = tell(store, &directory(pool, name), &ready).await {
        // The first error is what the caller needs to hear.
        let _ = tell(store, &listing(pool), &NamespaceRemove { name: name.to_owned() }).await;
        return Err(error.into());
    }
    store.flush().await.map_err(CallError::from)?;
    Ok(())
}

/// Removes an empty namespace. While that is under way it takes no new images.
pub async fn remove(client: &Client, pool: PoolId, name: &str) -> Result<(), RemoveNamespaceError> {
    if name.is_empty() {
        return Err(RemoveNamespaceError::NoName);
    }
    let store = &*client.store;
    match close_directory(client, pool, name).await {
        Ok(()) => {}
        Err(error) if error.is_not_found() => {
            // Groups can be in a namespace that nobody has created.
            if !list(client, pool).await?.iter().any(|listed| listed == name) {
                return Err(RemoveNamespaceError::NotFound { name: name.to_owned() });
            }
        }
        Err(error) if error.errno() == Errno::BUSY => {
            return Err(RemoveNamespaceError::NotEmpty { name: name.to_owned() });
        }
        Err(error) => return Err(error.into()),
    }
    if is_used(client, pool, name).await? {
        tell(store, &directory(pool, name), &DirStateSet { state: DirectoryState::Ready }).await?;
        return Err(RemoveNamespaceError::NotEmpty { name: name.to_owned() });
    }
    for object in [TRASH, GROUP_DIRECTORY, DIRECTORY] {
        remove_object(client, &ObjectId::new(pool, name, object)).await?;
    }
    match tell(store, &listing(pool), &NamespaceRemove { name: name.to_owned() }).await {
        Err(error) if error.is_not_found() => {
            return Err(RemoveNamespaceError::NotFound { name: name.to_owned() });
        }
        other => other?,
    }
    store.flush().await.map_err(CallError::from)?;
    Ok(())
}

/// The namespaces of a pool, sorted; the default one is not among them.
pub async fn list(client: &Client, pool: PoolId) -> Result<Vec<String>, CallError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let call = NamespaceList { after, max: PAGE };
        match ask(&*client.store, &listing(pool), &call).await {
            Err(error) if error.is_not_found() => return Ok(names),
            Err(error) => return Err(error),
            Ok(page) if page.is_empty() => return Ok(names),
            Ok(page) => names.extend(page),
        }
    }
}

/// Whether the namespace may be used: the default one always, others once they are created.
pub async fn exists(client: &Client, at: &Location) -> Result<bool, CallError> {
    if at.namespace.is_empty() {
        return Ok(true);
    }
    let ready = DirStateAssert { state: DirectoryState::Ready };
    match ask(&*client.store, &at.object(DIRECTORY), &ready).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_not_found() || error.errno() == Errno::BUSY => Ok(false),
        Err(error) => Err(error),
    }
}

fn listing(pool: PoolId) -> ObjectId {
    ObjectId::new(pool, "", NAMESPACE)
}

fn directory(pool: PoolId, name: &str) -> ObjectId {
    ObjectId::new(pool, name, DIRECTORY)
}

/// Refuses (`EBUSY`) while the directory has images; from then on it takes no more.
async fn close_directory(client: &Client, pool: PoolId, name: &str) -> Result<(), CallError> {
    let object = directory(pool, name);
    let disabled = exec(&DirStateSet { state: DirectoryState::AddDisabled });
    let exists = WriteStep::AssertExists;
    client.store.write(&object, WriteOp::new(vec![exists, disabled]).ordered()).await?;
    Ok(())
}

/// Whether anything but images is left in a namespace.
async fn is_used(client: &Client, pool: PoolId, name: &str) -> Result<bool, CallError> {
    let trash = TrashList { after: String::new(), max: 1 };
    match ask(&*client.store, &ObjectId::new(pool, name, TRASH), &trash).await {
        Ok(images) if !images.is_empty() => return Ok(true),
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    let groups = ReadStep::OmapList { after: None, prefix: "name_".into(), max: 1 };
    let object = ObjectId::new(pool, name, GROUP_DIRECTORY);
    match client.store.read(&object, SnapId::HEAD, ReadOp::single(groups)).await {
        Ok(results) => Ok(results
            .iter()
            .any(|result| matches!(result, ReadResult::Omap(page) if !page.entries.is_empty()))),
        Err(error) if error.errno == Errno::NOENT => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn remove_object(client: &Client, object: &ObjectId) -> Result<(), CallError> {
    match client.store.write(object, WriteOp::new(vec![WriteStep::Remove]).ordered()).await {
        Err(error) if error.errno != Errno::NOENT => Err(error.into()),
        _ => Ok(()),
    }
}
