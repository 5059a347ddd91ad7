//! Our side: the same operations through the image layer, in this process, on a directory.

mod contents;
mod groups;
mod maps;
mod overrides;
mod trash;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use marcot_connect::{Connection, Lifetime, StoreSpec, connect};
use marcot_format::features::Features;
use marcot_image::config::{CloneFormat, Settings, option};
use marcot_image::operation::{
    self, CloneOptions, CloneSource, CloneTarget, CreateFormat, CreateOptions, ResizeOptions,
    feature, image_meta, lock, object_map, snapshot,
};
use marcot_image::pool::{init, namespace};
use marcot_image::{Access, Client, Image, ImageKey, Location, NoProgress, OpenOptions, SnapKey};
use marcot_store::{ClusterChange, Errno, OtherApplications, PoolId, SnapId};
use marcot_testkit::adler32;
use pollster::block_on;

use super::judge::Pools;
use super::operation::{Answer, Layout, Operation, parts, pattern};
use super::sequence::Options;

const SECTOR: u64 = 512;

/// Our store for one sequence.
pub(crate) struct Ours {
    connection: Connection,
    client: Client,
    pools: Pools,
    /// Ids of images.
    rolled_back: Mutex<BTreeSet<String>>,
}

impl Ours {
    /// A new store whose pools `a` and `b` have those names and ids: ids are in the records.
    pub(crate) fn new(folder: &Path, pools: &Pools, options: &Options) -> Ours {
        let spec = StoreSpec::Dir(folder.to_owned());
        let connection = connect(&spec, Lifetime::Transient).expect("a store");
        let store = &connection.store;
        let mut settings = Settings::default();
        for (name, value) in options {
            let option = option::find(name).expect("an option");
            settings.set(option, option.parse(value).expect("a value"));
        }
        let client = Client::configured(store.clone(), connection.env.clone(), settings);
        let rolled_back = Mutex::default();
        let ours = Ours { client, pools: pools.clone(), connection, rolled_back };
        let mut wanted: Vec<&(PoolId, String)> = pools.values().collect();
        wanted.sort();
        for (id, name) in wanted {
            ours.make_pool(*id, name);
        }
        ours
    }

    /// The cluster of `conf`, whose pools are there.
    pub(crate) fn on_cluster(conf: &Path, pools: &Pools) -> Ours {
        let spec = StoreSpec::Ceph(conf.to_owned());
        let connection = connect(&spec, Lifetime::Transient).expect("Ceph");
        let store = &connection.store;
        let settings = block_on(Settings::read(&**store, "client.admin")).expect("options");
        let client = Client::configured(store.clone(), connection.env.clone(), settings);
        Ours { client, pools: pools.clone(), connection, rolled_back: Mutex::default() }
    }

    fn make_pool(&self, id: PoolId, name: &str) {
        let store = &self.connection.store;
        let change = |change| block_on(store.administer(change)).expect("a change");
        for filler in self.newest_pool() + 1..id.0 {
            change(ClusterChange::CreatePool { name: format!("filler{filler}") });
            change(ClusterChange::RemovePool { name: format!("filler{filler}") });
        }
        change(ClusterChange::CreatePool { name: name.to_owned() });
        assert_eq!(self.newest_pool(), id.0, "the pools' ids differ");
        block_on(init::init(&self.client, id, OtherApplications::Refused)).expect("init");
    }

    fn newest_pool(&self) -> i64 {
        let pools = block_on(self.connection.store.list_pools()).expect("pools");
        pools.iter().map(|pool| pool.id.0).max().unwrap_or(0)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The store is free for other processes.
    pub(crate) fn close(self) {
        let Ours { connection, client, .. } = self;
        drop(client);
        connection.close();
    }

    /// Does one operation.
    pub(crate) fn run(&self, operation: &Operation) -> Answer {
        let changed = block_on(self.to_roll_back(operation)).unwrap_or_default();
        self.rolled_back.lock().unwrap_or_else(PoisonError::into_inner).extend(changed);
        match block_on(self.act(operation)) {
            Ok(sum) => Answer { errno: 0, sum },
            Err(errno) => Answer::refused(errno.raw()),
        }
    }

    /// Ids of the images that may have been rolled back.
    pub(crate) fn rolled_back(&self) -> BTreeSet<String> {
        self.rolled_back.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn place(&self, spec: &str) -> (Location, String) {
        let (pool, namespace, image) = parts(spec);
        (Location::new(self.pool(pool), namespace), image.to_owned())
    }

    fn pool(&self, letter: &str) -> PoolId {
        self.named(letter).0
    }

    fn named(&self, letter: &str) -> &(PoolId, String) {
        &self.pools[&letter.chars().next().expect("a letter")]
    }

    /// Opens an image, does something with it and closes it.
    async fn with<T>(
        &self,
        spec: &str,
        act: impl AsyncFnOnce(&Image) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        self.with_snap(spec, SnapKey::Head, Access::ReadWrite, act).await
    }

    pub(crate) async fn with_snap<T>(
        &self,
        spec: &str,
        snap: SnapKey,
        access: Access,
        act: impl AsyncFnOnce(&Image) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let (at, name) = self.place(spec);
        let options = OpenOptions::name(name, access).at(snap);
        let image = Image::open(&self.client, &at, options).await.map_err(|e| e.errno())?;
        let done = act(&image).await;
        image.close().await.map_err(|error| error.errno())?;
        done
    }

    async fn act(&self, operation: &Operation) -> Result<Option<u32>, Errno> {
        use Operation as Op;
        match operation {
            Op::Create { .. } | Op::Clone { .. } | Op::Copy { .. } => self.make(operation).await?,
            Op::Remove { image } => {
                let (at, name) = self.place(image);
                let removed = operation::remove(&self.client, &at, &name, &NoProgress).await;
                removed.map_err(|error| error.errno())?;
            }
            Op::Rename { image, to } => {
                let (at, name) = self.place(image);
                let renamed = operation::rename(&self.client, &at, &name, to).await;
                renamed.map_err(|error| error.errno())?;
            }
            Op::NamespaceCreate { pool, name } => {
                let made = namespace::create(&self.client, self.pool(pool), name).await;
                made.map_err(|error| error.errno())?;
            }
            Op::NamespaceRemove { pool, name } => {
                let removed = namespace::remove(&self.client, self.pool(pool), name).await;
                removed.map_err(|error| error.errno())?;
            }
            Op::PoolConfigSet { .. } | Op::PoolConfigRemove { .. } => {
                self.override_for_pool(operation).await?;
            }
            Op::GroupCreate { .. }
            | Op::GroupRemove { .. }
            | Op::GroupRename { .. }
            | Op::GroupAdd { .. }
            | Op::GroupDrop { .. } => self.group(operation).await?,
            Op::GroupSnapCreate { .. }
            | Op::GroupSnapRemove { .. }
            | Op::GroupSnapRename { .. }
            | Op::GroupSnapRollback { .. } => self.group_snapshot(operation).await?,
            Op::TrashMove { .. } | Op::TrashRestore { .. } | Op::TrashRemove { .. } => {
                self.use_trash(operation).await?;
            }
            Op::Read { image, snap, offset, length, writable } => {
                let read = async |image: &Image| {
                    let length = cut(image, *offset, *length);
                    image.read(*offset, length).await.map_err(|error| error.errno())
                };
                let access = if *writable { Access::ReadWrite } else { Access::ReadOnly };
                let bytes = self.with_snap(image, at(snap), access, read).await?;
                return Ok(Some(adler32(&bytes)));
            }
            _ => self.change(operation).await?,
        }
        Ok(None)
    }

    /// Makes an image.
    async fn make(&self, operation: &Operation) -> Result<(), Errno> {
        match operation {
            Operation::Create { image, size, old, layout } => {
                let (at, name) = self.place(image);
                let options = match old {
                    true => old_image(*size, layout),
                    false => self.new_image(*size, layout),
                };
                let created = operation::create(&self.client, &at, &name, &options).await;
                created.map(drop).map_err(|error| error.errno())
            }
            Operation::Clone { parent, snap, image, format, layout } => {
                let (location, name) = self.place(parent);
                let (key, snap) = (ImageKey::Name(name), SnapKey::Name(snap.clone()));
                let source = CloneSource { location, image: key, snap };
                let (location, name) = self.place(image);
                let target = CloneTarget { location, name };
                let options = CloneOptions {
                    format: Some(if *format == 1 { CloneFormat::V1 } else { CloneFormat::V2 }),
                    layout: self.layout(layout),
                };
                let cloned = operation::clone(&self.client, &source, &target, &options).await;
                cloned.map(drop).map_err(|error| error.errno())
            }
            Operation::Copy { from, snap, image, layout } => {
                let (at, name) = self.place(image);
                let layout = self.layout(layout);
                let copy = async |source: &Image| {
                    operation::copy(source, &self.client, &at, &name, &layout, &NoProgress)
                        .await
                        .map_err(|error| error.errno())
                };
                self.with_snap(from, self::at(snap), Access::ReadOnly, copy).await
            }
            other => unreachable!("{other:?} makes no image"),
        }
    }

    fn new_image(&self, size: u64, layout: &Layout) -> CreateOptions {
        CreateOptions { size, layout: self.layout(layout), ..CreateOptions::default() }
    }

    fn layout(&self, layout: &Layout) -> operation::Layout {
        let data_pool = layout.data_pool.as_deref();
        operation::Layout {
            order: Some(layout.order),
            features: Some(Features::from_bits(layout.features)),
            stripe_unit: layout.stripe.map(|stripe| stripe.0),
            stripe_count: layout.stripe.map(|stripe| stripe.1),
            data_pool: data_pool.map(|letter| self.named(letter).1.clone()),
            ..operation::Layout::default()
        }
    }

    /// Changes an opened image.
    async fn change(&self, operation: &Operation) -> Result<(), Errno> {
        use Operation as Op;
        match operation {
            Op::Resize { image, size, shrink } => {
                let options = ResizeOptions { allow_shrink: *shrink };
                let act = async |image: &Image| {
                    operation::resize(image, *size, &options, &NoProgress)
                        .await
                        .map_err(|error| error.errno())
                };
                self.with(image, act).await
            }
            Op::Flatten { image } => {
                let act = async |image: &Image| {
                    operation::flatten(image, &NoProgress).await.map_err(|error| error.errno())
                };
                self.with(image, act).await
            }
            Op::RebuildObjectMap { image } => {
                let act = async |image: &Image| {
                    object_map::rebuild(image, SnapId::HEAD, &NoProgress)
                        .await
                        .map_err(|error| error.errno())
                };
                self.with(image, act).await
            }
            Op::Features { image, bits, enable } => {
                let features = Features::from_bits(*bits);
                let act = async |image: &Image| {
                    let done = match enable {
                        true => feature::enable(image, features).await,
                        false => feature::disable(image, features).await,
                    };
                    done.map_err(|error| error.errno())
                };
                self.with(image, act).await
            }
            _ => self.change_more(operation).await,
        }
    }

    /// The rest of [`Ours::change`].
    async fn change_more(&self, operation: &Operation) -> Result<(), Errno> {
        use Operation as Op;
        match operation {
            Op::MetaSet { image, key, value } => {
                let act = async |image: &Image| {
                    let set = image_meta::set(image, key, value).await;
                    set.map_err(|error| error.errno())
                };
                self.with(image, act).await
            }
            Op::MetaRemove { image, key } => {
                let act = async |image: &Image| {
                    image_meta::remove(image, key).await.map_err(|error| error.errno())
                };
                self.with(image, act).await
            }
            Op::ConfigSet { image, .. } | Op::ConfigRemove { image, .. } => {
                self.with(image, async |image: &Image| overrides::for_image(image, operation).await)
                    .await
            }
            Op::LockAdd { image, .. } | Op::LockRemove { image, .. } => {
                self.with(image, async |image: &Image| self.lock(image, operation).await).await
            }
            Op::Write { image, .. }
            | Op::Discard { image, .. }
            | Op::WriteZeroes { image, .. }
            | Op::CompareAndWrite { image, .. } => {
                self.with(image, async |image: &Image| bytes(image, operation).await).await
            }
            Op::SnapCreate { image, .. }
            | Op::SnapRemove { image, .. }
            | Op::SnapRename { image, .. }
            | Op::SnapProtect { image, .. }
            | Op::SnapUnprotect { image, .. }
            | Op::SnapRollback { image, .. }
            | Op::SnapLimit { image, .. } => {
                self.with(image, async |image: &Image| snapshots(image, operation).await).await
            }
            other => unreachable!("{other:?} changes no opened image"),
        }
    }

    async fn lock(&self, image: &Image, operation: &Operation) -> Result<(), Errno> {
        let done = match operation {
            Operation::LockAdd { cookie, tag: None, .. } => {
                lock::add(image, cookie, &lock::Sharing::Exclusive).await
            }
            Operation::LockAdd { cookie, tag: Some(tag), .. } => {
                lock::add(image, cookie, &lock::Sharing::Shared { tag: tag.clone() }).await
            }
            Operation::LockRemove { cookie, .. } => {
                let locker = self.connection.store.client_id().to_string();
                lock::remove(image, cookie, &locker).await
            }
            other => unreachable!("{other:?} is about no lock"),
        };
        done.map_err(|error| error.errno())
    }
}

fn old_image(size: u64, layout: &Layout) -> CreateOptions {
    let layout = operation::Layout { order: Some(layout.order), ..operation::Layout::default() };
    CreateOptions { format: CreateFormat::V1Forced, size, layout }
}

fn at(snap: &Option<String>) -> SnapKey {
    snap.clone().map_or(SnapKey::Head, SnapKey::Name)
}

/// librbd's interface cuts what reaches over the end, our layer leaves that to whoever calls it.
/// What begins beyond the end is refused by both.
fn cut(image: &Image, offset: u64, length: u64) -> u64 {
    match image.view().size.checked_sub(offset) {
        Some(left) if left > 0 => length.min(left),
        _ => length,
    }
}

async fn bytes(image: &Image, operation: &Operation) -> Result<(), Errno> {
    let done = match *operation {
        Operation::Write { offset, length, fill, .. } => {
            image.write(offset, pattern(fill, cut(image, offset, length)).into()).await
        }
        Operation::Discard { offset, length, .. } => {
            image.discard(offset, cut(image, offset, length)).await
        }
        Operation::WriteZeroes { offset, length, .. } => {
            image.write_zeroes(offset, cut(image, offset, length)).await
        }
        Operation::CompareAndWrite { offset, fill, matches, .. } => {
            let old = image.read(offset, SECTOR).await.map_err(|error| error.errno())?;
            let mut compare = old.to_vec();
            let is_clone = image.header().parent.as_ref().is_some_and(|it| it.overlap.is_some());
            // Where no parent has bytes librbd leaves an empty object: docs/compat.md.
            let avoid = is_clone && old.iter().all(|byte| *byte == 0);
            if let (false, Some(first)) = (matches || avoid, compare.first_mut()) {
                *first ^= 1;
            }
            let data = Bytes::from(pattern(fill, SECTOR));
            image.compare_and_write(offset, compare.into(), data).await
        }
        ref other => unreachable!("{other:?} changes no bytes"),
    };
    done.map_err(|error| error.errno())
}

async fn snapshots(image: &Image, operation: &Operation) -> Result<(), Errno> {
    use Operation as Op;
    match operation {
        Op::SnapCreate { snap, .. } => {
            snapshot::create(image, snap).await.map(drop).map_err(|error| error.errno())
        }
        Op::SnapRemove { snap, .. } => {
            snapshot::remove(image, snap).await.map_err(|error| error.errno())
        }
        Op::SnapRename { snap, to, .. } => {
            snapshot::rename(image, snap, to).await.map_err(|error| error.errno())
        }
        Op::SnapProtect { snap, .. } => {
            snapshot::protect(image, snap).await.map_err(|error| error.errno())
        }
        Op::SnapUnprotect { snap, .. } => {
            snapshot::unprotect(image, snap).await.map_err(|error| error.errno())
        }
        Op::SnapRollback { snap, .. } => {
            snapshot::rollback(image, snap, &NoProgress).await.map_err(|error| error.errno())
        }
        Op::SnapLimit { limit: Some(limit), .. } => {
            snapshot::set_limit(image, *limit).await.map_err(|error| error.errno())
        }
        Op::SnapLimit { limit: None, .. } => {
            snapshot::clear_limit(image).await.map_err(|error| error.errno())
        }
        other => unreachable!("{other:?} is about no snapshot"),
    }
}
