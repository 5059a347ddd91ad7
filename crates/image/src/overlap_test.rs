//! How much of its parent a clone shows, against a model: through shrinking and growing, snapshots,
//! rollback and flatten, in every layout.
//!
//! The parent is dense, so that a byte too many or too few of it shows. After every step: overlap
//! and bytes of the head and of each snapshot, and whether the link to the parent is still there.

use std::sync::Arc;

use bytes::Bytes;
use marcot_format::features::Features;
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::{ClusterChange, PoolId};
use marcot_testkit::ThreadEnv;
use proptest::prelude::*;

use crate::config::CloneFormat;
use crate::operation::{
    CloneOptions, CloneSource, CloneTarget, CreateOptions, Layout, ResizeOptions, clone, create,
    flatten, resize, snapshot,
};
use crate::{Access, Client, Config, Image, ImageKey, Location, NoProgress, OpenOptions, SnapKey};

const ORDER: u8 = 12;
const OBJECT: u64 = 1 << ORDER;
const PARENT: u64 = 5 * OBJECT + 700;
const MOST: u64 = 8 * OBJECT;

#[derive(Clone, Debug)]
enum Step {
    Resize(u64),
    Write { offset: u64, fill: u8 },
    Snapshot,
    RemoveSnapshot(usize),
    Rollback(usize),
    Flatten,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..=MOST).prop_map(Step::Resize),
        2 => (0..=MOST / OBJECT).prop_map(|objects| Step::Resize(objects * OBJECT)),
        2 => (0..MOST, any::<u8>()).prop_map(|(offset, fill)| Step::Write { offset, fill }),
        3 => Just(Step::Snapshot),
        2 => any::<usize>().prop_map(Step::RemoveSnapshot),
        2 => any::<usize>().prop_map(Step::Rollback),
        1 => Just(Step::Flatten),
    ]
}

/// The child's stripe unit and count, and the parent's; whole objects when there is none.
#[derive(Clone, Copy, Debug)]
struct Stripes {
    parent: Option<(u64, u64)>,
    child: Option<(u64, u64)>,
}

fn stripes() -> impl Strategy<Value = Stripes> {
    let one = || proptest::option::of((10u8..=12, 1u64..=4));
    let size = |found: Option<(u8, u64)>| found.map(|(order, count)| (1 << order, count));
    (one(), one())
        .prop_map(move |(parent, child)| Stripes { parent: size(parent), child: size(child) })
}

/// What a head or a snapshot shows.
#[derive(Clone, Debug)]
struct Shown {
    bytes: Vec<u8>,
    overlap: u64,
    /// It shows the parent, if only 0 bytes of it: the link must stay.
    linked: bool,
}

struct Model {
    head: Shown,
    snapshots: Vec<(String, Shown)>,
    deep: bool,
    named: usize,
}

impl Model {
    fn resize(&mut self, size: u64) {
        self.head.bytes.resize(size as usize, 0);
        self.head.overlap = self.head.overlap.min(size);
    }

    fn flatten(&mut self) {
        let cut = |shown: &mut Shown| (shown.overlap, shown.linked) = (0, false);
        cut(&mut self.head);
        if self.deep {
            self.snapshots.iter_mut().for_each(|(_, shown)| cut(shown));
        }
    }

    /// Size and bytes come back; how much of the parent shows does not.
    fn roll_back(&mut self, which: usize) {
        let bytes = self.snapshots[which].1.bytes.clone();
        self.resize(bytes.len() as u64);
        self.head.bytes = bytes;
    }

    fn is_linked(&self) -> bool {
        self.head.linked || self.snapshots.iter().any(|(_, shown)| shown.linked)
    }
}

struct World {
    client: Client,
    at: Location,
    image: Arc<Image>,
    model: Model,
}

fn options(size: u64, stripes: Option<(u64, u64)>, features: Features) -> CreateOptions {
    let layout = Layout { order: Some(ORDER), features: Some(features), ..striped_layout(stripes) };
    CreateOptions { size, layout, ..CreateOptions::default() }
}

fn striped_layout(stripes: Option<(u64, u64)>) -> Layout {
    Layout {
        stripe_unit: stripes.map(|(unit, _)| unit),
        stripe_count: stripes.map(|(_, count)| count),
        ..Layout::default()
    }
}

impl World {
    async fn new(memory: MemoryOptions, stripes: Stripes, features: Features) -> World {
        let env = Arc::new(ThreadEnv::new(7));
        let cluster = MemoryCluster::with_env(marcot_classes::all(), env.clone(), memory);
        let client = Client::new(cluster.client(), env, Config::default());
        let pool = ClusterChange::CreatePool { name: "rbd".to_owned() };
        client.store.administer(pool).await.unwrap();
        let at = Location::new(PoolId(1), "");
        let bytes: Vec<u8> = (0..PARENT).map(|byte| (byte % 251) as u8 + 1).collect();
        create(&client, &at, "p", &options(PARENT, stripes.parent, features)).await.unwrap();
        let parent = open(&client, &at, "p").await;
        parent.write(0, Bytes::from(bytes.clone())).await.unwrap();
        snapshot::create(&parent, "s").await.unwrap();
        parent.close().await.unwrap();
        let source = CloneSource {
            location: at.clone(),
            image: ImageKey::Name("p".to_owned()),
            snap: SnapKey::Name("s".to_owned()),
        };
        let target = CloneTarget { location: at.clone(), name: "c".to_owned() };
        let child =
            CloneOptions { format: Some(CloneFormat::V2), layout: striped_layout(stripes.child) };
        clone(&client, &source, &target, &child).await.unwrap();
        let image = open(&client, &at, "c").await;
        let head = Shown { bytes, overlap: PARENT, linked: true };
        let deep = features.contains(Features::DEEP_FLATTEN);
        let model = Model { head, snapshots: Vec::new(), deep, named: 0 };
        World { client, at, image, model }
    }

    async fn take(&mut self, step: Step) {
        let (image, model) = (&*self.image, &mut self.model);
        let some = |which: usize| match model.snapshots.len() {
            0 => None,
            count => Some(which % count),
        };
        match step {
            Step::Resize(size) => {
                let options = ResizeOptions { allow_shrink: true };
                resize(image, size, &options, &NoProgress).await.unwrap();
                model.resize(size);
            }
            Step::Write { offset, fill } => {
                let size = model.head.bytes.len() as u64;
                let end = (offset + 300).min(size);
                if offset < end {
                    let data = vec![fill; (end - offset) as usize];
                    model.head.bytes[offset as usize..end as usize].copy_from_slice(&data);
                    image.write(offset, Bytes::from(data)).await.unwrap();
                }
            }
            Step::Snapshot => {
                model.named += 1;
                let name = format!("s{}", model.named);
                snapshot::create(image, &name).await.unwrap();
                model.snapshots.push((name, model.head.clone()));
            }
            Step::RemoveSnapshot(which) => {
                let Some(which) = some(which) else { return };
                let (name, _) = model.snapshots.remove(which);
                snapshot::remove(image, &name).await.unwrap();
            }
            Step::Rollback(which) => {
                let Some(which) = some(which) else { return };
                let name = model.snapshots[which].0.clone();
                snapshot::rollback(image, &name, &NoProgress).await.unwrap();
                model.roll_back(which);
            }
            Step::Flatten => {
                let flattened = flatten(image, &NoProgress).await;
                assert_eq!(flattened.is_ok(), model.head.linked, "{flattened:?}");
                model.flatten();
            }
        }
    }

    async fn verify(&self) {
        self.image.refresh().await.unwrap();
        let header = self.image.header();
        let model = &self.model;
        let view = self.image.view();
        assert_eq!(
            (view.size, view.parent_overlap),
            (model.head.bytes.len() as u64, model.head.overlap)
        );
        assert_same(&self.image, &model.head).await;
        for (name, shown) in &model.snapshots {
            let snapshot = header.snapshot_by_name(name).unwrap();
            assert_eq!(header.view(snapshot.id).unwrap().parent_overlap, shown.overlap, "{name}");
            assert_eq!(snapshot.parent_overlap.is_some(), shown.linked, "{name}");
            let options = OpenOptions::name("c", Access::ReadOnly);
            let options = options.at(SnapKey::Name(name.clone()));
            let opened = Image::open(&self.client, &self.at, options).await.unwrap();
            assert_same(&opened, shown).await;
        }
        let link = header.parent.as_ref();
        assert_eq!(link.is_some_and(|link| link.overlap.is_some()), model.head.linked);
        let parent = open(&self.client, &self.at, "p").await;
        let snapshot = parent.header().snapshot_by_name("s").map(|snap| snap.child_count);
        assert_eq!(snapshot, Some(u32::from(model.is_linked())));
        parent.close().await.unwrap();
    }
}

async fn open(client: &Client, at: &Location, name: &str) -> Arc<Image> {
    Image::open(client, at, OpenOptions::name(name, Access::ReadWrite)).await.unwrap()
}

async fn assert_same(image: &Image, shown: &Shown) {
    let read = image.read(0, shown.bytes.len() as u64).await.unwrap();
    let differ = read.iter().zip(&shown.bytes).position(|(one, other)| one != other);
    assert_eq!((read.len(), differ), (shown.bytes.len(), None));
}

fn cases() -> u32 {
    std::env::var("MARCOT_MODEL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn a_clone_shows_as_much_of_its_parent_as_it_should(
        seed: u64,
        hostile: bool,
        by_reference: bool,
        mapped: bool,
        deep: bool,
        stripes in stripes(),
        steps in prop::collection::vec(steps(), 1..24),
    ) {
        let memory = if hostile { MemoryOptions::hostile(seed) } else { MemoryOptions::default() };
        let memory = MemoryOptions { copyup_by_reference: by_reference, ..memory };
        let mut features = Features::LAYERING;
        if mapped {
            features = Features::DEFAULT.without(Features::DEEP_FLATTEN);
        }
        if deep {
            features = features | Features::DEEP_FLATTEN;
        }
        pollster::block_on(async {
            let mut world = World::new(memory, stripes, features).await;
            world.verify().await;
            for step in steps {
                world.take(step).await;
                world.verify().await;
            }
            world.image.close().await.unwrap();
        });
    }
}
