//! The pools at the other end, and the mark that a copy into them is not complete.

use std::collections::BTreeSet;

use bytes::Bytes;
use marcot_format::object_name::{INFO, TRASH};
use marcot_store::{
    ClusterChange, Errno, ObjectId, OtherApplications, PoolId, PoolInfo, SnapId, Store, WriteOp,
    WriteStep,
};

use super::content::{self, Version};
use super::failure::CopyPoolsError;
use super::survey;
use crate::pool::init::APPLICATION;

/// The object that is there while a copy is not complete. It says whose copy.
pub(super) const MARK: &str = "marcot_copy";

/// A pool and its counterpart.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) from: PoolId,
    pub(super) to: PoolId,
    /// What the mark says.
    text: String,
}

impl Place {
    fn mark(&self) -> ObjectId {
        ObjectId::new(self.to, "", MARK)
    }

    /// What the mark says once everything has been compared.
    fn compared(&self) -> String {
        format!("{} compared", self.text)
    }
}

/// How far an earlier attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    ToCopy,
    /// Everything has been compared; some marks are left.
    Compared,
}

/// Makes the pools, or finds them empty or as an earlier attempt left them; marks them.
pub(super) async fn prepare(
    store: &dyn Store,
    source: &str,
    pools: &[PoolInfo],
) -> Result<(Vec<Place>, Stage), CopyPoolsError> {
    let mut places = Vec::new();
    let (mut unmarked, mut stage) = (Vec::new(), Stage::ToCopy);
    for pool in pools {
        let to = pool_named(store, &pool.name).await?;
        let text = format!("{source} {} {}", pool.id.0, pool.name);
        let place = Place { name: pool.name.clone(), from: pool.id, to, text };
        match content::read(store, &place.mark(), SnapId::HEAD).await? {
            Some(found) if found.data == place.text => {}
            Some(found) if found.data == place.compared() => stage = Stage::Compared,
            Some(_) => return Err(CopyPoolsError::Occupied(place.name)),
            None => unmarked.push(places.len()),
        }
        places.push(place);
    }
    for place in unmarked.into_iter().map(|index: usize| &places[index]) {
        if is_empty(store, place.to).await? {
            write_mark(store, place, place.text.clone()).await?;
        } else if stage == Stage::ToCopy {
            return Err(CopyPoolsError::Occupied(place.name.clone()));
        }
    }
    Ok((places, stage))
}

async fn write_mark(store: &dyn Store, place: &Place, text: String) -> Result<(), CopyPoolsError> {
    let write = WriteStep::WriteFull { data: Bytes::from(text) };
    store.write(&place.mark(), WriteOp::new(vec![write])).await?;
    Ok(())
}

/// The pool of that name; a new one is marked as RBD's.
async fn pool_named(store: &dyn Store, name: &str) -> Result<PoolId, CopyPoolsError> {
    for made in [false, true] {
        let pools = store.list_pools().await?;
        if let Some(PoolInfo { id, .. }) = pools.into_iter().find(|pool| pool.name == name) {
            if made {
                store.enable_application(id, APPLICATION, OtherApplications::Refused).await?;
            }
            return Ok(id);
        }
        if !made {
            match store.administer(ClusterChange::CreatePool { name: name.to_owned() }).await {
                Err(error) if error.errno != Errno::EXIST => return Err(error.into()),
                _ => {}
            }
        }
    }
    Err(CopyPoolsError::NoPool(name.to_owned()))
}

/// Whether there is nothing but what making a pool ready for images leaves.
async fn is_empty(store: &dyn Store, pool: PoolId) -> Result<bool, CopyPoolsError> {
    for object in survey::list(store, pool).await? {
        let version = content::read(store, &object, SnapId::HEAD).await?.unwrap_or_default();
        let ready = match &*object.name {
            INFO => version.omap.is_empty(),
            TRASH => version == Version::default(),
            _ => false,
        };
        if !ready || !object.namespace.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sees that nothing else is there.
pub(super) async fn check(
    store: &dyn Store,
    places: &[Place],
    sources: &[ObjectId],
) -> Result<(), CopyPoolsError> {
    for place in places {
        let own = sources.iter().filter(|object| object.pool == place.from);
        let known: BTreeSet<_> = own.map(|object| (&*object.namespace, &*object.name)).collect();
        let there = survey::list(store, place.to).await?;
        let extra = there.into_iter().find(|object| {
            // What names its pool has another name here.
            !object.name.starts_with("journal_data.")
                && ![MARK, INFO, TRASH].contains(&&*object.name)
                && !known.contains(&(&*object.namespace, &*object.name))
        });
        if let Some(object) = extra {
            return Err(CopyPoolsError::Extra { pool: place.name.clone(), object });
        }
    }
    Ok(())
}

/// Takes the marks away. First all of them say that there is nothing left to do but this.
pub(super) async fn settle(store: &dyn Store, places: &[Place]) -> Result<(), CopyPoolsError> {
    for place in places {
        if content::read(store, &place.mark(), SnapId::HEAD).await?.is_some() {
            write_mark(store, place, place.compared()).await?;
        }
    }
    for place in places {
        let removed =
            store.write(&place.mark(), WriteOp::new(vec![WriteStep::Remove])).await.map(drop);
        match removed {
            Err(error) if error.errno != Errno::NOENT => return Err(error.into()),
            _ => {}
        }
    }
    store.flush().await?;
    Ok(())
}
