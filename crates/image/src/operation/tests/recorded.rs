//! The objects that verbs leave, compared with what `rbd` 16.2.15 left after the same verbs.
//!
//! Ids and times are made equal; the name that a snapshot gets in the trash is random. Everything
//! else is compared byte by byte: which objects there are, their data, omap and attributes, and
//! the clones of data objects.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use marcot_format::features::Features;
use marcot_format::snapshot::{Snapshot, SnapshotNamespace};
use marcot_format::{Decode, Encode, Utime};
use marcot_store::memory::MemoryOptions;
use marcot_store::{
    ListQuery, ObjectId, OtherApplications, PoolId, ReadOp, ReadResult, ReadStep, SnapId, SnapSet,
};

use super::world::{MIB, World};
use crate::config::CloneFormat;
use crate::operation::{
    CloneOptions, ResizeOptions, feature, flatten, image_meta, object_map, rename, resize, snapshot,
};
use crate::pool::{directory, init};
use crate::{Location, NoProgress};

const RECORDED: &str = include_str!("../fixtures/pacific.txt");
const POOL: PoolId = PoolId(8);

/// What is where, as lines of the recording have it.
type State = BTreeMap<String, String>;

#[test]
fn verbs_leave_what_rbd_leaves() {
    pollster::block_on(async {
        let mut world = World::new(MemoryOptions::default()).await;
        for number in 2..=POOL.0 {
            world.add_pool(&format!("pool{number}")).await;
        }
        world.at = Location::new(POOL, "");
        init::init(&world.client, POOL, OtherApplications::Refused).await.unwrap();
        let mut replay = Replay { ids: Vec::new(), world };
        let mut expected = State::new();
        for stage in RECORDED.split("\n= ").skip(1) {
            let (name, changes) = stage.split_once('\n').unwrap_or((stage, ""));
            apply(&mut expected, changes);
            run(&replay.world, name).await;
            let found = without_known_differences(replay.dump().await);
            let expected = without_known_differences(normalised(&expected));
            assert_eq!(difference(&expected, &found), "", "after {name}");
        }
    });
}

async fn run(world: &World, stage: &str) {
    match stage {
        "create" => world.create("a", 12 * MIB).await,
        "write" => {
            let data = Bytes::from(vec![1; 4096]);
            world.with("a", async |image| image.write(0, data).await.unwrap()).await;
        }
        "image-meta set" => {
            world.with("a", async |image| image_meta::set(image, "k", "v").await.unwrap()).await;
        }
        "clone v1" => world.clone("a", "s1", "b", &CloneOptions::default()).await,
        "clone v2" => world.clone("a", "s1", "c", &v2()).await,
        "flatten with snapshot" => flattened(world, "b").await,
        "flatten v2" => flattened(world, "c").await,
        "grow" => resized(world, 20 * MIB).await,
        "shrink" => resized(world, 2 * MIB).await,
        "rename" => rename(&world.client, &world.at, "c", "d").await.unwrap(),
        "feature disable" => {
            world
                .with("d", async |image| {
                    feature::disable(image, Features::OBJECT_MAP).await.unwrap();
                })
                .await;
        }
        "feature enable" => {
            world
                .with("d", async |image| {
                    feature::enable(image, Features::OBJECT_MAP).await.unwrap();
                })
                .await;
        }
        "rebuild" => {
            world
                .with("d", async |image| {
                    object_map::rebuild(image, SnapId::HEAD, &NoProgress).await.unwrap();
                })
                .await;
        }
        "rm last child of trashed" => world.remove("e").await,
        "rm" => {
            for name in ["a", "b", "d"] {
                world.remove(name).await;
            }
        }
        other => run_on_snapshot(world, other).await,
    }
}

async fn run_on_snapshot(world: &World, stage: &str) {
    let image =
        if matches!(stage, "snap create on clone" | "rollback" | "snap rm") { "b" } else { "a" };
    if stage == "snap rm with child" {
        world.clone("a", "s2", "e", &v2()).await;
    }
    let image = world.open(image).await;
    match stage {
        "snap create" => drop(snapshot::create(&image, "s1").await.unwrap()),
        "snap protect" => snapshot::protect(&image, "s1").await.unwrap(),
        "snap create on clone" => drop(snapshot::create(&image, "c1").await.unwrap()),
        "rollback" => snapshot::rollback(&image, "c1", &NoProgress).await.unwrap(),
        "snap unprotect" => snapshot::unprotect(&image, "s1").await.unwrap(),
        "snap rename" => snapshot::rename(&image, "s1", "s2").await.unwrap(),
        "limit" => snapshot::set_limit(&image, 3).await.unwrap(),
        "snap rm with child" => snapshot::remove(&image, "s2").await.unwrap(),
        "snap rm" => snapshot::remove(&image, "c1").await.unwrap(),
        other => panic!("nobody knows the stage {other}"),
    }
    image.close().await.unwrap();
}

fn v2() -> CloneOptions {
    CloneOptions { format: Some(CloneFormat::V2), ..CloneOptions::default() }
}

async fn flattened(world: &World, name: &str) {
    world.with(name, async |image| flatten(image, &NoProgress).await.unwrap()).await;
}

async fn resized(world: &World, size: u64) {
    let options = ResizeOptions { allow_shrink: true };
    world.with("b", async |image| resize(image, size, &options, &NoProgress).await.unwrap()).await;
}

fn apply(state: &mut State, changes: &str) {
    for line in changes.lines() {
        let (sign, rest) = line.split_at(2);
        let words = match rest.split(' ').next().unwrap() {
            "omap" | "xattr" => 3,
            _ => 2,
        };
        let key: Vec<&str> = rest.split(' ').take(words).collect();
        let value = rest.split(' ').nth(words).unwrap_or_default().to_owned();
        match sign {
            "- " => drop(state.remove(&key.join(" "))),
            _ => drop(state.insert(key.join(" "), value)),
        }
    }
}

/// One difference that docs/compat.md names: the owner of the lock takes a new object map's lock at
/// once, where `rbd` does so when it next opens the image: it leaves an attribute without lockers.
fn without_known_differences(mut state: State) -> State {
    state.remove("xattr rbd_object_map.idofimage--c lock.rbd_lock");
    state
}

/// The same state without times and random names.
fn normalised(state: &State) -> State {
    let normal = |(key, value): (&String, &String)| {
        let omap_key = key.split(' ').nth(2).filter(|_| key.starts_with("omap"));
        let omap_key = omap_key.map(|hex| String::from_utf8_lossy(&unhex(hex)).into_owned());
        let value = match omap_key.as_deref() {
            Some(name) if name.ends_with("_timestamp") => "time".to_owned(),
            Some(name) if name.starts_with("snapshot_") => snapshot_without_time(value),
            _ => value.clone(),
        };
        (key.clone(), value)
    };
    state.iter().map(normal).collect()
}

fn snapshot_without_time(value: &str) -> String {
    let mut snapshot = Snapshot::from_bytes(&unhex(value)).unwrap();
    snapshot.timestamp = Utime::default();
    if matches!(snapshot.namespace, SnapshotNamespace::Trash { .. }) {
        assert_eq!(snapshot.name.len(), 36, "a UUID");
        snapshot.name = "random".to_owned();
    }
    hex(&snapshot.to_bytes())
}

fn difference(expected: &State, found: &State) -> String {
    let mut text = String::new();
    let keys: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for key in keys {
        let (expected, found) = (expected.get(key), found.get(key));
        if expected != found {
            writeln!(text, "{key}\n  rbd:  {expected:?}\n  ours: {found:?}").unwrap();
        }
    }
    text
}

struct Replay {
    world: World,
    /// (id, placeholder) of every image so far.
    ids: Vec<(String, String)>,
}

impl Replay {
    async fn dump(&mut self) -> State {
        for entry in directory::list(&self.world.client, &self.world.at).await.unwrap() {
            let Some(image_id) = entry.id else { continue };
            if !self.ids.iter().any(|(id, _)| *id == image_id) {
                self.ids.push((image_id, format!("idofimage--{}", entry.name)));
            }
        }
        let query = ListQuery { pool: POOL, namespace: None, cursor: None, max: 10_000 };
        let page = self.world.client.store.list_objects(query).await.unwrap();
        assert!(page.next.is_none());
        let mut state = State::new();
        for object in page.objects {
            self.dump_object(&object, &mut state).await;
        }
        normalised(&state)
    }

    async fn dump_object(&self, object: &ObjectId, state: &mut State) {
        let store = &self.world.client.store;
        let name = self.plain(&object.name);
        if name.starts_with("rbd_data.") {
            let clones = store.list_snaps(object).await.unwrap();
            state.insert(format!("data {name}"), clone_words(&clones));
            return;
        }
        state.insert(format!("object {name}"), String::new());
        let steps = vec![
            ReadStep::Read { offset: 0, length: 1 << 20 },
            ReadStep::GetXattrs,
            ReadStep::OmapList { after: None, prefix: Bytes::new(), max: 1000 },
        ];
        for result in store.read(object, SnapId::HEAD, ReadOp { steps }).await.unwrap() {
            match result {
                ReadResult::Data(data) if !data.is_empty() => {
                    state.insert(format!("bytes {name}"), self.plain_hex(&data));
                }
                ReadResult::Xattrs(pairs) => state.extend(
                    pairs.iter().map(|(key, value)| (format!("xattr {name} {key}"), hex(value))),
                ),
                ReadResult::Omap(page) => state.extend(page.entries.iter().map(|(key, value)| {
                    (format!("omap {name} {}", self.plain_hex(key)), self.plain_hex(value))
                })),
                _ => {}
            }
        }
    }

    fn plain(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (id, word)| text.replace(id, word))
    }

    fn plain_hex(&self, bytes: &[u8]) -> String {
        self.ids.iter().fold(hex(bytes), |text, (id, word)| {
            assert_eq!(id.len(), word.len(), "the same length");
            text.replace(&hex(id.as_bytes()), &hex(word.as_bytes()))
        })
    }
}

fn clone_words(clones: &SnapSet) -> String {
    let mut words: Vec<String> = Vec::new();
    for clone in &clones.clones {
        let snaps: Vec<_> = clone.snaps.iter().map(|snap| snap.0.to_string()).collect();
        words.push(format!("{}/{}/{}", clone.id.0, snaps.join(","), clone.size));
    }
    words.extend(clones.head_size.map(|size| format!("head/-/{size}")));
    words.join(";")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
