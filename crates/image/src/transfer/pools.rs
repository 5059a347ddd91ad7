//! Whole pools from one store to another, objects as they are, with their snapshots.
//!
//! Pools have other ids elsewhere, so records that hold ids of pools are written anew ([`records`]);
//! ids of snapshots are kept, and the other pool's sequence is driven beyond them ([`snap_ids`]).
//! An object is written version by version, each in one operation under the snapshot context that
//! makes its clones again ([`history`]), so that a copy which was killed goes on where it was. What
//! leads to an image is written last, and a mark keeps the place until everything has been compared.
//! docs/decisions/0006.

mod content;
mod destination;
mod failure;
mod history;
mod object;
mod records;
mod snap_ids;
mod survey;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use marcot_store::{ObjectId, PoolId, Store};

use crate::progress::Progress;

use destination::Stage;
pub use failure::CopyPoolsError;
use object::Pair;
use records::PoolMap;
use snap_ids::SnapIds;

/// How many objects are on their way at once.
const IN_FLIGHT: usize = 16;

/// What is to be copied.
#[derive(Clone, Debug)]
pub struct Request {
    /// Names; the pools are called the same at the destination.
    pub pools: Vec<String>,
    pub related: Related,
}

/// What becomes of pools that the images in the given ones need: parents, children, groups, data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Related {
    /// Their names are an error.
    Refused,
    TakenAlong,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Names of all pools that were copied.
    pub pools: Vec<String>,
    pub objects: u64,
}

/// Copies pools and compares every object, snapshot by snapshot.
///
/// A copy that ended early is taken up again by the same call. Fails with `EBUSY` while somebody
/// has an image of the source open, with `EEXIST` where the destination holds something else.
pub async fn copy(
    from: &dyn Store,
    to: &dyn Store,
    request: &Request,
    progress: &dyn Progress,
) -> Result<Report, CopyPoolsError> {
    let source = from.status().await?.fsid;
    if source == to.status().await?.fsid {
        return Err(CopyPoolsError::SameStore);
    }
    let survey = survey::survey(from, request).await?;
    let (places, stage) = destination::prepare(to, &source, &survey.pools).await?;
    let map = PoolMap::new(places.iter().map(|place| (place.from.0, place.to.0)));
    let work = Work { from, to, map: &map, ids: SnapIds::default() };
    let mut count = Count { done: 0, total: survey.objects.len() as u64 * 2, progress };
    if stage == Stage::ToCopy {
        for objects in survey.in_order() {
            work.copy_all(objects, &mut count).await?;
        }
        to.flush().await?;
        work.compare_all(&survey.objects, &mut count).await?;
        destination::check(to, &places, &survey.objects).await?;
    }
    destination::settle(to, &places).await?;
    let pools = survey.pools.iter().map(|pool| pool.name.clone()).collect();
    Ok(Report { pools, objects: survey.objects.len() as u64 })
}

struct Count<'a> {
    done: u64,
    total: u64,
    progress: &'a dyn Progress,
}

impl Count<'_> {
    fn one_more(&mut self) {
        self.done += 1;
        self.progress.update(self.done, self.total);
    }
}

struct Work<'a> {
    from: &'a dyn Store,
    to: &'a dyn Store,
    map: &'a PoolMap,
    ids: SnapIds,
}

impl Work<'_> {
    fn pair<'w>(&'w self, source: &'w ObjectId) -> Result<Pair<'w>, CopyPoolsError> {
        let unknown = |pool| CopyPoolsError::UnknownPool { object: source.clone(), pool };
        let pool = self.map.id(source.pool.0).ok_or_else(|| unknown(source.pool.0))?;
        let name = records::object_name(&source.name, &mut |id| self.map.id(id))
            .map_err(|refused| refused.on(source))?;
        let target = ObjectId::new(PoolId(pool), source.namespace.clone(), name);
        Ok(Pair { from: self.from, to: self.to, source, target, map: self.map, ids: &self.ids })
    }

    async fn copy_all(
        &self,
        objects: &[ObjectId],
        count: &mut Count<'_>,
    ) -> Result<(), CopyPoolsError> {
        let work =
            stream::iter(objects).map(|source| async move { self.pair(source)?.copy().await });
        let mut work = work.buffer_unordered(IN_FLIGHT);
        while work.try_next().await?.is_some() {
            count.one_more();
        }
        Ok(())
    }

    async fn compare_all(
        &self,
        objects: &[ObjectId],
        count: &mut Count<'_>,
    ) -> Result<(), CopyPoolsError> {
        let work =
            stream::iter(objects).map(|source| async move { self.pair(source)?.compare().await });
        let mut work = work.buffer_unordered(IN_FLIGHT);
        while work.try_next().await?.is_some() {
            count.one_more();
        }
        Ok(())
    }
}
