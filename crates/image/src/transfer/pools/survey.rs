//! What is to be copied, and whether it can be.

use std::collections::{BTreeMap, BTreeSet};

use marcot_format::mirror::MODE;
use marcot_format::object_name::{
    self, CHILDREN, DIRECTORY, GROUP_DIRECTORY, MIRRORING, NAMESPACE, TASK, TRASH,
};
use marcot_store::{ListQuery, ObjectId, PoolId, PoolInfo, SnapId, Store};

use super::content::{self, Version};
use super::destination::MARK;
use super::failure::CopyPoolsError;
use super::{Related, Request, records};

const PAGE: usize = 1024;

/// Everything that will be copied.
pub(super) struct Survey {
    pub(super) pools: Vec<PoolInfo>,
    /// What leads to images comes last.
    pub(super) objects: Vec<ObjectId>,
    /// Where that begins.
    entries: usize,
}

impl Survey {
    /// The objects in two parts: nobody finds an image before all of it is there.
    pub(super) fn in_order(&self) -> [&[ObjectId]; 2] {
        let (contents, entries) = self.objects.split_at(self.entries);
        [contents, entries]
    }
}

/// Whether clients find images by this object.
fn is_entry(name: &str) -> bool {
    let known = [CHILDREN, DIRECTORY, GROUP_DIRECTORY, NAMESPACE, TRASH];
    known.contains(&name)
        || object_name::image_name_of_id(name).is_some()
        || is_format_1_header(name)
}

fn is_format_1_header(name: &str) -> bool {
    name.strip_suffix(".rbd").is_some_and(|image| !image.is_empty())
}

/// Whether records in it may name pools, or clients that work on an image watch it.
fn is_metadata(name: &str) -> bool {
    !name.starts_with("rbd_data.")
        && !name.starts_with("rb.")
        && !name.starts_with("journal_data.")
        && !name.starts_with("rbd_object_map.")
}

/// Looks at everything but data.
pub(super) async fn survey(store: &dyn Store, request: &Request) -> Result<Survey, CopyPoolsError> {
    let all = store.list_pools().await?;
    let mut wanted: BTreeMap<i64, PoolInfo> = BTreeMap::new();
    let mut next: Vec<PoolInfo> = Vec::new();
    for name in &request.pools {
        let pool = all.iter().find(|pool| pool.name == *name);
        next.push(pool.cloned().ok_or_else(|| CopyPoolsError::NoPool(name.clone()))?);
    }
    let mut objects = Vec::new();
    let mut missing = BTreeSet::new();
    while let Some(pool) = next.pop() {
        if wanted.contains_key(&pool.id.0) {
            continue;
        }
        let found = list(store, pool.id).await?;
        let named = look(store, &pool, &found).await?;
        wanted.insert(pool.id.0, pool);
        objects.extend(found);
        for (id, object) in named.into_iter().filter(|(id, _)| !wanted.contains_key(id)) {
            let related = all.iter().find(|pool| pool.id.0 == id);
            let related = related.ok_or(CopyPoolsError::UnknownPool { object, pool: id })?.clone();
            match request.related {
                Related::TakenAlong => next.push(related),
                Related::Refused if request.pools.contains(&related.name) => {}
                Related::Refused => drop(missing.insert(related.name)),
            }
        }
    }
    if !missing.is_empty() {
        let pools = request.pools.join(", ");
        return Err(CopyPoolsError::Related { pools, missing: missing.into_iter().collect() });
    }
    objects.sort_by_key(|object| is_entry(&object.name));
    let entries = objects.partition_point(|object| !is_entry(&object.name));
    Ok(Survey { pools: wanted.into_values().collect(), objects, entries })
}

/// All objects of a pool.
pub(super) async fn list(store: &dyn Store, pool: PoolId) -> Result<Vec<ObjectId>, CopyPoolsError> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let query = ListQuery { pool, namespace: None, cursor, max: PAGE };
        let page = store.list_objects(query).await?;
        found.extend(page.objects);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// The pools that a pool's records name, each with an object that does.
async fn look(
    store: &dyn Store,
    pool: &PoolInfo,
    objects: &[ObjectId],
) -> Result<BTreeMap<i64, ObjectId>, CopyPoolsError> {
    let mut named = BTreeMap::new();
    for object in objects {
        let mut note = |id| {
            named.entry(id).or_insert_with(|| object.clone());
            Some(id)
        };
        records::object_name(&object.name, &mut note).map_err(|refused| refused.on(object))?;
        if &*object.name == MARK {
            return Err(CopyPoolsError::Unfinished(pool.name.clone()));
        }
        if !is_metadata(&object.name) {
            continue;
        }
        let Some(version) = content::read(store, object, SnapId::HEAD).await? else { continue };
        check(store, pool, object, &version).await?;
        for pair in version.omap {
            records::pair(&object.name, pair, &mut note).map_err(|refused| refused.on(object))?;
        }
    }
    Ok(named)
}

/// Whether the pool is at rest, as far as this object tells.
async fn check(
    store: &dyn Store,
    pool: &PoolInfo,
    object: &ObjectId,
    version: &Version,
) -> Result<(), CopyPoolsError> {
    let mode = version.omap.get(MODE.as_bytes());
    if &*object.name == MIRRORING && mode.is_some_and(|mode| mode.iter().any(|byte| *byte != 0)) {
        return Err(CopyPoolsError::Mirrored(pool.name.clone()));
    }
    if &*object.name == TASK && !version.omap.is_empty() {
        return Err(CopyPoolsError::Tasks(pool.name.clone()));
    }
    let header = object_name::image_id_of_header(&object.name).is_some();
    if !header && !is_format_1_header(&object.name) {
        return Ok(());
    }
    let watchers = store.list_watchers(object).await?;
    if watchers.is_empty() {
        return Ok(());
    }
    let watchers: Vec<String> = watchers.iter().map(|one| one.address.to_string()).collect();
    Err(CopyPoolsError::InUse { object: object.clone(), watchers: watchers.join(", ") })
}
