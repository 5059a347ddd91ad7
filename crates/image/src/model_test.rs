//! Images against plain byte vectors: random verbs and requests, clones of clones, snapshots and
//! two clients, on friendly and hostile engines, by reference and by copy.
//!
//! After every step: both clients read what the model holds, and no data object exists that the
//! stored object map calls nonexistent. At the end: every snapshot of every image.

use std::sync::Arc;

use bytes::Bytes;
use marcot_format::features::Features;
use marcot_format::object_map::ObjectState;
use marcot_format::object_name;
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::{ClusterChange, Errno, ListQuery, PoolId, SnapId};
use marcot_testkit::ThreadEnv;
use pollster::block_on;
use proptest::prelude::*;

use crate::config::{CloneFormat, Config};
use crate::object_map::load_states;
use crate::operation::{self, CloneOptions, CloneSource, CloneTarget, CreateOptions, FlattenError};
use crate::{Access, Client, Image, ImageKey, Location, NoProgress, OpenOptions, SnapKey};

const ORDER: u8 = 12;
const OBJECT: u64 = 1 << ORDER;
const MOST: u64 = 6 * OBJECT;
const DATA_POOL: &str = "data";

#[derive(Clone, Debug)]
enum Step {
    Write { offset: u64, length: u64, fill: u8 },
    Discard { offset: u64, length: u64 },
    WriteZeroes { offset: u64, length: u64 },
    CompareAndWrite { offset: u64, fill: u8 },
    Snapshot,
    RemoveSnapshot { which: usize },
    Rollback { which: usize },
    Clone { which: usize, layout: Layout },
    Resize { size: u64 },
    Flatten,
}

/// A clone's own layout. Only its object size counts in a world that is not striped.
#[derive(Clone, Copy, Debug)]
struct Layout {
    order: u8,
    /// How often the object size is halved; none for the parent's unit and count.
    halved: Option<u8>,
    count: u64,
    data_pool: bool,
}

const AS_PARENT: Layout = Layout { order: ORDER, halved: None, count: 1, data_pool: false };

fn layouts() -> impl Strategy<Value = Layout> {
    (ORDER..=ORDER + 1, proptest::option::of(0u8..=3), 1u64..=4, any::<bool>())
        .prop_map(|(order, halved, count, data_pool)| Layout { order, halved, count, data_pool })
}

/// A step, the image it is for, and which of two clients takes it.
type Turn = (usize, bool, Step);

fn steps() -> impl Strategy<Value = Step> {
    let range = || (0..MOST, 1..2 * OBJECT);
    prop_oneof![
        8 => (range(), any::<u8>()).prop_map(|((offset, length), fill)| {
            Step::Write { offset, length, fill }
        }),
        2 => (0..MOST / OBJECT, any::<u8>()).prop_map(|(object, fill)| {
            Step::Write { offset: object * OBJECT, length: OBJECT, fill }
        }),
        2 => range().prop_map(|(offset, length)| Step::Discard { offset, length }),
        1 => (0..MOST / OBJECT).prop_map(|object| {
            Step::Discard { offset: object * OBJECT, length: OBJECT }
        }),
        2 => range().prop_map(|(offset, length)| Step::WriteZeroes { offset, length }),
        2 => (0..MOST / 512, any::<u8>()).prop_map(|(sector, fill)| {
            Step::CompareAndWrite { offset: sector * 512, fill }
        }),
        4 => Just(Step::Snapshot),
        3 => any::<usize>().prop_map(|which| Step::RemoveSnapshot { which }),
        1 => any::<usize>().prop_map(|which| Step::Rollback { which }),
        4 => (any::<usize>(), layouts()).prop_map(|(which, layout)| Step::Clone { which, layout }),
        1 => (1..MOST).prop_map(|size| Step::Resize { size }),
        2 => Just(Step::Flatten),
    ]
}

struct ModelSnapshot {
    name: String,
    bytes: Vec<u8>,
    /// Clones that hang on it.
    clones: usize,
}

struct ModelImage {
    name: String,
    handles: [Arc<Image>; 2],
    bytes: Vec<u8>,
    snapshots: Vec<ModelSnapshot>,
    /// The image and the snapshot it hangs on.
    parent: Option<(usize, String)>,
}

struct World {
    clients: [Client; 2],
    at: Location,
    images: Vec<ModelImage>,
    features: Features,
    named: usize,
}

fn client(cluster: &MemoryCluster) -> Client {
    let config = Config {
        skip_partial_discard: false,
        default_clone_format: CloneFormat::V2,
        ..Config::default()
    };
    Client::new(cluster.client(), Arc::new(ThreadEnv::new(7)), config)
}

impl World {
    async fn new(options: MemoryOptions, features: Features) -> World {
        let env = Arc::new(ThreadEnv::new(1));
        let cluster = MemoryCluster::with_env(marcot_classes::all(), env, options);
        let clients = [client(&cluster), client(&cluster)];
        for name in ["rbd", DATA_POOL] {
            let pool = ClusterChange::CreatePool { name: name.to_owned() };
            clients[0].store.administer(pool).await.unwrap();
        }
        let at = Location::new(PoolId(1), "");
        let mut world = World { clients, at, images: Vec::new(), features, named: 0 };
        let striped = features.contains(Features::STRIPING);
        let options = CreateOptions {
            size: 5 * OBJECT + 700,
            layout: operation::Layout {
                order: Some(ORDER),
                features: Some(features),
                stripe_unit: striped.then_some(OBJECT / 4),
                stripe_count: striped.then_some(3),
                ..operation::Layout::default()
            },
            ..CreateOptions::default()
        };
        operation::create(&world.clients[0], &world.at, "root", &options).await.unwrap();
        world.adopt("root".to_owned(), vec![0; 5 * OBJECT as usize + 700], None).await;
        world
    }

    async fn adopt(&mut self, name: String, bytes: Vec<u8>, parent: Option<(usize, String)>) {
        let open = || OpenOptions::name(name.as_str(), Access::ReadWrite);
        let handles = [
            Image::open(&self.clients[0], &self.at, open()).await.unwrap(),
            Image::open(&self.clients[1], &self.at, open()).await.unwrap(),
        ];
        self.images.push(ModelImage { name, handles, bytes, snapshots: Vec::new(), parent });
    }

    fn fresh_name(&mut self) -> String {
        self.named += 1;
        format!("n{}", self.named)
    }

    async fn take(&mut self, turn: &Turn) {
        let (which, second, step) = turn;
        let index = which % self.images.len();
        let name = self.fresh_name();
        let image = &mut self.images[index];
        let handle = Arc::clone(&image.handles[usize::from(*second)]);
        match step {
            Step::Snapshot => {
                operation::snapshot::create(&handle, &name).await.unwrap();
                let bytes = image.bytes.clone();
                image.snapshots.push(ModelSnapshot { name, bytes, clones: 0 });
            }
            Step::RemoveSnapshot { which } => {
                let Some(at) = which.checked_rem(image.snapshots.len()) else { return };
                if image.snapshots[at].clones == 0 {
                    let gone = image.snapshots.remove(at);
                    operation::snapshot::remove(&handle, &gone.name).await.unwrap();
                }
            }
            Step::Rollback { which } => {
                let Some(at) = which.checked_rem(image.snapshots.len()) else { return };
                let to = &image.snapshots[at];
                if let Err(refused) =
                    operation::snapshot::rollback(&handle, &to.name, &NoProgress).await
                {
                    // The other client has the lock, and keeps it.
                    assert_eq!(refused.errno(), Errno::ROFS);
                    let owner = &image.handles[usize::from(!*second)];
                    operation::snapshot::rollback(owner, &to.name, &NoProgress).await.unwrap();
                }
                image.bytes = to.bytes.clone();
            }
            Step::Clone { which, layout } => self.clone_from(index, *which, name, *layout).await,
            Step::Resize { size } => {
                let options = operation::ResizeOptions { allow_shrink: true };
                operation::resize(&handle, *size, &options, &NoProgress).await.unwrap();
                image.bytes.resize(*size as usize, 0);
            }
            Step::Flatten => self.flatten(index, &handle).await,
            _ => change(&handle, &mut image.bytes, step).await,
        }
    }

    async fn clone_from(&mut self, index: usize, which: usize, name: String, layout: Layout) {
        let image = &self.images[index];
        let Some(at) = which.checked_rem(image.snapshots.len()) else { return };
        let inherited = image.handles[0].header().striping.stripe_unit();
        let parent = Some((index, image.snapshots[at].name.clone()));
        let source = CloneSource {
            location: self.at.clone(),
            image: ImageKey::Name(image.name.clone()),
            snap: SnapKey::Name(image.snapshots[at].name.clone()),
        };
        let bytes = image.snapshots[at].bytes.clone();
        let target = CloneTarget { location: self.at.clone(), name: name.clone() };
        let striped = self.features.contains(Features::STRIPING);
        let halved = layout.halved.filter(|_| striped);
        let layout = operation::Layout {
            features: Some(self.features),
            order: Some(layout.order),
            stripe_unit: halved.map(|halved| (1 << layout.order) >> halved),
            stripe_count: halved.map(|_| layout.count),
            data_pool: (striped && layout.data_pool).then(|| DATA_POOL.to_owned()),
            ..operation::Layout::default()
        };
        let fits = layout.stripe_unit.unwrap_or(inherited) <= 1 << layout.order.unwrap_or(ORDER);
        let options = CloneOptions { format: None, layout };
        let cloned = operation::clone(&self.clients[0], &source, &target, &options).await;
        if !fits {
            // Smaller objects than the stripe unit that goes with the parent.
            return assert_eq!(cloned.unwrap_err().errno(), Errno::INVAL);
        }
        cloned.unwrap();
        self.images[index].snapshots[at].clones += 1;
        self.adopt(name, bytes, parent).await;
    }

    /// Afterwards the parent's snapshot may go, under grandchildren that knew the old chain.
    async fn flatten(&mut self, index: usize, handle: &Arc<Image>) {
        match operation::flatten(handle, &NoProgress).await {
            Ok(()) | Err(FlattenError::NoParent { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        let Some((parent, snapshot)) = self.images[index].parent.take() else { return };
        let mut snapshots = self.images[parent].snapshots.iter_mut();
        snapshots.find(|candidate| candidate.name == snapshot).unwrap().clones -= 1;
    }

    async fn check(&self, index: usize) {
        let image = &self.images[index];
        for handle in &image.handles {
            let read = handle.read(0, image.bytes.len() as u64).await.unwrap();
            assert_same(&image.name, &read, &image.bytes);
        }
        self.check_object_map(image).await;
    }

    /// Data objects that exist are not called nonexistent by the stored map.
    async fn check_object_map(&self, image: &ModelImage) {
        let header = image.handles[0].header();
        if !self.features.contains(Features::OBJECT_MAP) {
            return;
        }
        let store = &*self.clients[1].store;
        let map = load_states(store, &header.object_map_object(SnapId::HEAD)).await.unwrap();
        let query =
            ListQuery { pool: header.data_pool, namespace: None, cursor: None, max: usize::MAX };
        let page = store.list_objects(query).await.unwrap();
        assert!(page.next.is_none());
        for object in page.objects {
            let number = object_name::object_number_of_data(&header.object_prefix, &object.name);
            let Some(number) = number else { continue };
            if store.list_snaps(&object).await.unwrap().head_size.is_some() {
                let state = map.get(number);
                assert_ne!(state, Some(ObjectState::Nonexistent), "{object} of {}", image.name);
            }
        }
    }

    async fn check_everything(&self) {
        for (index, image) in self.images.iter().enumerate() {
            self.check(index).await;
            for snapshot in &image.snapshots {
                let open = OpenOptions::name(image.name.as_str(), Access::ReadOnly)
                    .at(SnapKey::Name(snapshot.name.clone()));
                let opened = Image::open(&self.clients[1], &self.at, open).await.unwrap();
                let read = opened.read(0, snapshot.bytes.len() as u64).await.unwrap();
                assert_same(&format!("{}@{}", image.name, snapshot.name), &read, &snapshot.bytes);
                check_allocation(&opened, &snapshot.bytes).await;
                opened.close().await.unwrap();
            }
        }
        for image in &self.images {
            for handle in &image.handles {
                check_allocation(handle, &image.bytes).await;
                handle.close().await.unwrap();
            }
        }
    }
}

async fn change(image: &Image, bytes: &mut [u8], step: &Step) {
    let size = bytes.len() as u64;
    let clip = |offset: u64, length: u64| {
        let offset = offset % size;
        (offset, length.min(size - offset))
    };
    match *step {
        Step::Write { offset, length, fill } => {
            let (offset, length) = clip(offset, length);
            let data = vec![fill; length as usize];
            bytes[offset as usize..(offset + length) as usize].copy_from_slice(&data);
            image.write(offset, Bytes::from(data)).await.unwrap();
        }
        Step::Discard { offset, length } => {
            let (offset, length) = clip(offset, length);
            bytes[offset as usize..(offset + length) as usize].fill(0);
            image.discard(offset, length).await.unwrap();
        }
        Step::WriteZeroes { offset, length } => {
            let (offset, length) = clip(offset, length);
            bytes[offset as usize..(offset + length) as usize].fill(0);
            image.write_zeroes(offset, length).await.unwrap();
        }
        Step::CompareAndWrite { offset, fill } => {
            if offset + 512 > size {
                return;
            }
            let range = offset as usize..offset as usize + 512;
            let old = Bytes::copy_from_slice(&bytes[range.clone()]);
            let mut wrong = old.to_vec();
            wrong[17] ^= 1;
            let data = Bytes::from(vec![fill; 512]);
            let refused = image.compare_and_write(offset, wrong.into(), data.clone()).await;
            assert_eq!(refused, Err(crate::IoError::Mismatch { offset: offset + 17 }));
            image.compare_and_write(offset, old, data).await.unwrap();
            bytes[range].fill(fill);
        }
        _ => unreachable!("a verb"),
    }
}

async fn check_allocation(image: &Image, bytes: &[u8]) {
    let mut at = 0;
    for range in image.allocation(0, bytes.len() as u64).await.unwrap() {
        assert_eq!(range.offset, at);
        at += range.length;
        if range.state == crate::AllocationState::Hole {
            let hole = &bytes[range.offset as usize..at as usize];
            assert!(hole.iter().all(|byte| *byte == 0), "data in a hole at {}", range.offset);
        }
    }
    assert_eq!(at, bytes.len() as u64);
}

fn assert_same(what: &str, read: &[u8], expected: &[u8]) {
    assert_eq!(read.len(), expected.len(), "{what}");
    if let Some(at) = (0..read.len()).find(|at| read[*at] != expected[*at]) {
        panic!("{what} at {at}: read {}, expected {}", read[at], expected[at]);
    }
}

fn play(options: MemoryOptions, features: Features, turns: &[Turn]) {
    block_on(async {
        let mut world = World::new(options, features).await;
        for turn in turns {
            let index = turn.0 % world.images.len();
            world.take(turn).await;
            world.check(index).await;
        }
        world.check_everything().await;
    });
}

/// More of them: `MARCOT_MODEL_CASES=2000`.
fn cases() -> u32 {
    std::env::var("MARCOT_MODEL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn friendly_by_reference(
        turns in proptest::collection::vec((any::<usize>(), any::<bool>(), steps()), 1..30),
    ) {
        play(MemoryOptions::default(), Features::DEFAULT, &turns);
    }

    #[test]
    fn hostile_by_copy_without_maps(
        seed: u64,
        turns in proptest::collection::vec((any::<usize>(), any::<bool>(), steps()), 1..30),
    ) {
        let options = MemoryOptions { copyup_by_reference: false, ..MemoryOptions::hostile(seed) };
        play(options, Features::LAYERING | Features::DEEP_FLATTEN, &turns);
    }

    #[test]
    fn hostile_by_reference_without_maps(
        seed: u64,
        turns in proptest::collection::vec((any::<usize>(), any::<bool>(), steps()), 1..30),
    ) {
        let options = MemoryOptions::hostile(seed);
        play(options, Features::LAYERING | Features::DEEP_FLATTEN, &turns);
    }

    #[test]
    fn hostile_striped(
        seed: u64,
        by_reference: bool,
        turns in proptest::collection::vec((any::<usize>(), any::<bool>(), steps()), 1..30),
    ) {
        let options =
            MemoryOptions { copyup_by_reference: by_reference, ..MemoryOptions::hostile(seed) };
        play(options, Features::DEFAULT | Features::STRIPING, &turns);
    }

    #[test]
    fn hostile_by_copy(
        seed: u64,
        turns in proptest::collection::vec((any::<usize>(), any::<bool>(), steps()), 1..30),
    ) {
        let options = MemoryOptions { copyup_by_reference: false, ..MemoryOptions::hostile(seed) };
        play(options, Features::DEFAULT, &turns);
    }
}

/// Depth costs nothing and breaks nothing: the root's bytes show through 70 layers, a middle
/// layer's change shows above it only.
#[test]
fn a_deep_chain_reads_like_a_flat_one() {
    block_on(async {
        let mut world = World::new(MemoryOptions::default(), Features::DEFAULT).await;
        world.take(&(0, false, Step::Write { offset: 100, length: 5000, fill: 9 })).await;
        for depth in 0..70 {
            world.take(&(depth, false, Step::Snapshot)).await;
            world.take(&(depth, false, Step::Clone { which: 0, layout: AS_PARENT })).await;
            if depth == 35 {
                let write = Step::Write { offset: 3 * OBJECT, length: 10, fill: 5 };
                world.take(&(depth, false, write)).await;
            }
        }
        assert_eq!(world.images.len(), 71);
        world.check_everything().await;
    });
}

/// The table of a grandchild outlives the chain that it describes: the middle layer is flattened
/// and the root's snapshot removed. What it then misses must be looked for anew.
#[test]
fn a_chain_that_changed_is_noticed() {
    let turns = [
        (0, false, Step::Write { offset: 100, length: 5000, fill: 9 }),
        (0, false, Step::Snapshot),
        (0, false, Step::Clone { which: 0, layout: AS_PARENT }),
        (1, false, Step::Snapshot),
        (1, false, Step::Clone { which: 0, layout: AS_PARENT }),
        (2, false, Step::Write { offset: 4 * OBJECT, length: 1, fill: 1 }),
        (1, false, Step::Flatten),
        (0, false, Step::Discard { offset: 0, length: MOST }),
        (0, false, Step::RemoveSnapshot { which: 0 }),
        (2, true, Step::Write { offset: 4000, length: 10, fill: 3 }),
    ];
    let without_maps = Features::LAYERING | Features::DEEP_FLATTEN;
    for features in [Features::DEFAULT, without_maps] {
        for copyup_by_reference in [true, false] {
            play(
                MemoryOptions { copyup_by_reference, ..MemoryOptions::default() },
                features,
                &turns,
            );
        }
    }
}

/// Shrinking clips the clone's view of its parent for good; a snapshot from before must keep what
/// it showed, also after the head went back to it.
#[test]
fn a_rollback_after_a_shrink_finds_the_parent() {
    let turns = [
        (0, false, Step::Write { offset: 9238, length: 8031, fill: 1 }),
        (0, false, Step::Snapshot),
        (0, false, Step::Clone { which: 0, layout: AS_PARENT }),
        (1, false, Step::Snapshot),
        (1, false, Step::Resize { size: 1 }),
        (1, true, Step::Rollback { which: 0 }),
        (1, true, Step::Write { offset: 9300, length: 1, fill: 2 }),
    ];
    let without_maps = Features::LAYERING | Features::DEEP_FLATTEN;
    for features in [Features::DEFAULT, without_maps] {
        play(MemoryOptions::hostile(3), features, &turns);
    }
}
