//! Who was cloned from a snapshot: `rbd_children` of all pools (clone v1) and the sets in the
//! parent's header (clone v2).

use futures_util::future::try_join_all;
use marcot_format::call::children::{ChildrenList, GetChildren};
use marcot_format::call::trash::TrashGet;
use marcot_format::children::ChildrenKey;
use marcot_format::object_name::{self, CHILDREN, TRASH};
use marcot_format::parent::ParentImageSpec;
use marcot_store::PoolId;

use super::directory;
use crate::class_call::{CallError, ask};
use crate::client::{Client, Location};

/// A clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    pub location: Location,
    pub pool_name: String,
    pub id: String,
    /// As it was called before it went to the trash, if it is there. Empty when the image is
    /// known nowhere any more.
    pub name: String,
    pub in_trash: bool,
}

impl Child {
    pub(crate) fn sorting_key(&self) -> (&str, &str, &str, &str) {
        (&self.pool_name, &self.location.namespace, &self.name, &self.id)
    }

    /// `pool/namespace/name`, as people write it; the id where there is no name.
    pub fn spec(&self) -> String {
        let name = if self.name.is_empty() { &self.id } else { &self.name };
        match &*self.location.namespace {
            "" => format!("{}/{name}", self.pool_name),
            namespace => format!("{}/{namespace}/{name}", self.pool_name),
        }
    }
}

/// The parent snapshot that links lead to.
pub(crate) fn spec(at: &Location, image_id: &str, snap_id: u64) -> ParentImageSpec {
    ParentImageSpec {
        pool_id: at.pool.0,
        pool_namespace: at.namespace.to_string(),
        image_id: image_id.to_owned(),
        snap_id,
    }
}

/// All clones of a snapshot, sorted by pool, namespace and name.
pub async fn list(client: &Client, parent: &ParentImageSpec) -> Result<Vec<Child>, CallError> {
    let pools = client.store.list_pools().await?;
    let name_of_pool = |id: PoolId| {
        pools.iter().find(|pool| pool.id == id).map(|pool| pool.name.clone()).unwrap_or_default()
    };
    let scans = pools.iter().map(|pool| in_pool(client, parent, pool.id));
    let mut found: Vec<(Location, String)> =
        try_join_all(scans).await?.into_iter().flatten().collect();
    found.extend(linked_in_header(client, parent).await?);
    let named = found.into_iter().map(|(location, id)| async {
        let (name, in_trash) = name(client, &location, &id).await?;
        let pool_name = name_of_pool(location.pool);
        Ok::<_, CallError>(Child { location, pool_name, id, name, in_trash })
    });
    let mut children = try_join_all(named).await?;
    children.sort_by(|a, b| a.sorting_key().cmp(&b.sorting_key()));
    children.dedup();
    Ok(children)
}

/// The clones of format 1 that live in `pool`.
pub(crate) async fn in_pool(
    client: &Client,
    parent: &ParentImageSpec,
    pool: PoolId,
) -> Result<Vec<(Location, String)>, CallError> {
    // Clones of format 1 share their parent's namespace.
    let location = Location::new(pool, parent.pool_namespace.as_str());
    let call = GetChildren { parent: key(parent) };
    match ask(&*client.store, &location.object(CHILDREN), &call).await {
        Ok(ids) => Ok(ids.into_iter().map(|id| (location.clone(), id)).collect()),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Where `rbd_children` keeps the clones of `parent`.
pub(crate) fn key(parent: &ParentImageSpec) -> ChildrenKey {
    ChildrenKey {
        pool_id: parent.pool_id,
        image_id: parent.image_id.clone(),
        snap_id: parent.snap_id,
    }
}

async fn linked_in_header(
    client: &Client,
    parent: &ParentImageSpec,
) -> Result<Vec<(Location, String)>, CallError> {
    let at = Location::new(PoolId(parent.pool_id), parent.pool_namespace.as_str());
    let object = at.object(object_name::header(&parent.image_id));
    match ask(&*client.store, &object, &ChildrenList { snap_id: parent.snap_id }).await {
        Ok(children) => Ok(children
            .into_iter()
            .map(|child| {
                let at = Location::new(PoolId(child.pool_id), child.pool_namespace.as_str());
                (at, child.image_id)
            })
            .collect()),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

async fn name(client: &Client, at: &Location, id: &str) -> Result<(String, bool), CallError> {
    match directory::name_of(client, at, id).await {
        Ok(name) => return Ok((name, false)),
        Err(error) if !error.is_not_found() => return Err(error),
        Err(_) => {}
    }
    let call = TrashGet { image_id: id.to_owned() };
    match ask(&*client.store, &at.object(TRASH), &call).await {
        Ok(spec) => Ok((spec.name, true)),
        Err(error) if error.is_not_found() => Ok((String::new(), false)),
        Err(error) => Err(error),
    }
}
