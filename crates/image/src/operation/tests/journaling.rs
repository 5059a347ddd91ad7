//! Images that somebody keeps a journal for, and others that can be shown but not changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marcot_format::call::journal::{
    ClientCommit, ClientRegister, JournalCreate, SetActiveSet, SetMinimumSet,
};
use marcot_format::call::migration::MigrationSet;
use marcot_format::features::Features;
use marcot_format::journal::{self, JournalEntry, ObjectPosition, ObjectSetPosition};
use marcot_format::migration::{MigrationSide, MigrationSpec, MigrationState};
use marcot_format::{Encode, object_name};
use marcot_store::{Errno, ObjectId, WriteOp, WriteStep};

use super::world::{MIB, World, on_all_clusters};
use crate::class_call::{exec, tell};
use crate::operation::{
    CloneOptions, ResizeOptions, feature, image_meta, rename, resize, snapshot,
};
use crate::{Access, Image, NoProgress, OpenOptions, SnapKey};

const WIDTH: u64 = 4;

impl World {
    /// Writes a feature into the header as a later release or another client would.
    async fn set_feature(&self, name: &str, feature: Features) {
        let image = self.open(name).await;
        // The class method passes over what it does not know.
        let bits = (image.header().features | feature).bits();
        let pair = (Bytes::from_static(b"features"), Bytes::from(bits.to_bytes()));
        let steps = vec![WriteStep::OmapSet { entries: vec![pair] }];
        self.client.store.write(image.header_object(), WriteOp::new(steps)).await.unwrap();
        image.close().await.unwrap();
    }

    async fn read_only(&self, name: &str) -> Arc<Image> {
        let options = OpenOptions::name(name, Access::ReadOnly);
        Image::open(&self.client, &self.at, options).await.unwrap()
    }

    /// Gives an image a journal, as enabling the feature does.
    async fn keep_journal(&self, name: &str) -> Journal<'_> {
        let id = self.read_only(name).await.header().id.to_string();
        let header = self.at.object(object_name::journal(&id));
        let steps = vec![
            exec(&JournalCreate { order: 12, splay_width: WIDTH as u8, pool_id: -1 }),
            exec(&SetActiveSet { object_set: 1 }),
        ];
        for step in steps {
            self.client.store.write(&header, WriteOp::new(vec![step])).await.unwrap();
        }
        let register = ClientRegister { id: String::new(), data: Vec::new() };
        tell(&*self.client.store, &header, &register).await.unwrap();
        self.set_feature(name, Features::JOURNALING).await;
        Journal { world: self, id, header }
    }
}

struct Journal<'a> {
    world: &'a World,
    id: String,
    header: ObjectId,
}

impl Journal<'_> {
    fn object(&self, number: u64) -> ObjectId {
        self.world.at.object(journal::data_object(self.world.at.pool.0, &self.id, number))
    }

    async fn append(&self, tag_tid: u64, entry_tid: u64) {
        let entry = JournalEntry { entry_tid, tag_tid, data: vec![7; 300] }.to_bytes();
        let object = self.object(WIDTH + entry_tid % WIDTH);
        let found = marcot_store::ReadOp::single(marcot_store::ReadStep::Stat);
        let found = self.world.client.store.read(&object, marcot_store::SnapId::HEAD, found).await;
        let offset = match found.as_deref() {
            Ok([marcot_store::ReadResult::Stat(stat)]) => stat.size,
            _ => 0,
        };
        let steps = vec![WriteStep::Write { offset, data: entry.into() }];
        self.world.client.store.write(&object, WriteOp::new(steps)).await.unwrap();
    }

    async fn commit(&self, tag_tid: u64, entry_tid: u64) {
        let object_number = WIDTH + entry_tid % WIDTH;
        let commit_position =
            ObjectSetPosition(vec![ObjectPosition { object_number, tag_tid, entry_tid }]);
        let commit = ClientCommit { id: String::new(), commit_position };
        tell(&*self.world.client.store, &self.header, &commit).await.unwrap();
    }
}

#[test]
fn an_image_with_a_journal_is_read_once_the_journal_is_replayed() {
    on_all_clusters(async |world| {
        world.create("a", 8 * MIB).await;
        world.write("a", 5, b"old").await;
        world.snap("a", "s").await;
        let journal = world.keep_journal("a").await;
        let read = async |image: Arc<Image>| image.read(5, 3).await.map_err(|error| error.errno());
        assert_eq!(read(world.read_only("a").await).await.unwrap(), Bytes::from_static(b"old"));
        for entry in 0..9 {
            journal.append(1, entry).await;
        }
        journal.commit(1, 7).await;
        let image = world.read_only("a").await;
        assert_eq!(read(Arc::clone(&image)).await, Err(Errno::BUSY));
        assert_eq!(image.allocation(0, MIB).await.unwrap_err().errno(), Errno::BUSY);
        assert_eq!(read(world.open_at("a", "s").await).await.unwrap(), "old");
        journal.commit(1, 8).await;
        assert_eq!(read(image).await.unwrap(), "old");
        // A later owner of the journal counts from 0 again.
        journal.append(2, 0).await;
        assert_eq!(read(world.read_only("a").await).await, Err(Errno::BUSY));
        journal.commit(2, 0).await;
        assert_eq!(read(world.read_only("a").await).await.unwrap(), "old");
        // What cannot be read may be a change.
        let steps = vec![WriteStep::Write { offset: 4000, data: Bytes::from_static(b"x") }];
        world.client.store.write(&journal.object(WIDTH), WriteOp::new(steps)).await.unwrap();
        assert_eq!(read(world.read_only("a").await).await, Err(Errno::BUSY));
    });
}

#[test]
fn a_journal_can_be_taken_away_once_it_is_replayed() {
    on_all_clusters(async |world| {
        world.create("a", 8 * MIB).await;
        let journal = world.keep_journal("a").await;
        journal.append(1, 0).await;
        let disable = async |a: &Image| {
            feature::disable(a, Features::JOURNALING).await.map_err(|error| error.errno())
        };
        assert_eq!(world.with("a", disable).await, Err(Errno::BUSY));
        assert_eq!(world.with("a", changes).await, vec![Errno::ROFS; 5]);
        journal.commit(1, 0).await;
        assert_eq!(world.with("a", disable).await, Ok(()));
        world.write("a", 0, b"new").await;
        assert_eq!(world.read("a", 0, 3).await, "new");
        assert!(world.objects().await.iter().all(|name| !name.starts_with("journal")));
    });
}

#[test]
fn an_image_goes_with_its_journal() {
    on_all_clusters(async |world| {
        world.create("a", 8 * MIB).await;
        let journal = world.keep_journal("a").await;
        let empty = SetMinimumSet { object_set: 1 };
        tell(&*world.client.store, &journal.header, &empty).await.unwrap();
        for entry in 0..9 {
            journal.append(1, entry).await;
        }
        world.remove("a").await;
        let left = world.objects().await;
        assert!(left.iter().all(|name| !name.contains(&journal.id)), "{left:?}");
    });
}

/// Everything that changes an image, each refused.
async fn changes(image: &Image) -> Vec<Errno> {
    let shrink = ResizeOptions { allow_shrink: true };
    vec![
        image.write(0, Bytes::from_static(b"x")).await.unwrap_err().errno(),
        image.discard(0, MIB).await.unwrap_err().errno(),
        snapshot::create(image, "x").await.unwrap_err().errno(),
        resize(image, MIB, &shrink, &NoProgress).await.unwrap_err().errno(),
        image_meta::set(image, "k", "v").await.unwrap_err().errno(),
    ]
}

#[test]
fn features_that_are_not_kept_forbid_changes() {
    on_all_clusters(async |world| {
        world.create("plain", 8 * MIB).await;
        let unknown = Features::from_bits(1 << 44);
        for (number, feature) in [Features::NON_PRIMARY, unknown].into_iter().enumerate() {
            let name = format!("i{number}");
            world.create(&name, 8 * MIB).await;
            // One handle is open when the feature comes.
            let image = world.open(&name).await;
            image.write(0, Bytes::from_static(b"old")).await.unwrap();
            image.close().await.unwrap();
            let image = world.open(&name).await;
            world.set_feature(&name, feature).await;
            image.refresh().await.unwrap();
            assert_eq!(changes(&image).await, vec![Errno::ROFS; 5], "{feature:?}");
            image.close().await.unwrap();
            assert_eq!(world.with(&name, changes).await, vec![Errno::ROFS; 5], "{feature:?}");
            let renamed = rename(&world.client, &world.at, &name, "other").await;
            assert_eq!(renamed.unwrap_err().errno(), Errno::ROFS);
            let removed =
                crate::operation::remove(&world.client, &world.at, &name, &NoProgress).await;
            assert_eq!(removed.unwrap_err().errno(), Errno::ROFS);
            assert_eq!(world.read_only(&name).await.read(0, 3).await.unwrap(), "old");
        }
    });
}

#[test]
fn bytes_in_a_cache_elsewhere_are_not_shown_old() {
    on_all_clusters(async |world| {
        world.create("a", 8 * MIB).await;
        world.write("a", 0, b"old").await;
        world.snap("a", "s").await;
        world.set_feature("a", Features::DIRTY_CACHE).await;
        let error = world.read_only("a").await.read(0, 3).await.unwrap_err();
        assert_eq!(error.errno(), Errno::OPNOTSUPP);
        let options = OpenOptions::name("a", Access::ReadOnly).at(SnapKey::Name("s".to_owned()));
        let snap = Image::open(&world.client, &world.at, options).await.unwrap();
        assert_eq!(snap.read(0, 3).await.unwrap(), "old");
    });
}

/// Until it has everything, holes of the destination would hide bytes of the source.
#[test]
fn an_image_on_its_way_is_read_where_it_comes_from() {
    on_all_clusters(async |world| {
        for (name, side) in [("from", MigrationSide::Source), ("to", MigrationSide::Destination)] {
            world.create(name, 8 * MIB).await;
            world.write(name, 0, b"old").await;
            world.snap(name, "s").await;
            world.protect(name, "s").await;
            world.clone(name, "s", &format!("{name}-clone"), &CloneOptions::default()).await;
            let header = world.read_only(name).await.header().object();
            let spec = MigrationSpec {
                side,
                pool_id: 1,
                pool_namespace: String::new(),
                image_name: "other".to_owned(),
                image_id: "1".to_owned(),
                snap_seqs: BTreeMap::new(),
                overlap: 0,
                flatten: false,
                mirroring: false,
                state: MigrationState::Prepared,
                state_description: String::new(),
                mirror_image_mode: 0,
                source_spec: String::new(),
            };
            tell(&*world.client.store, &header, &MigrationSet { spec }).await.unwrap();
            assert_eq!(world.with(name, changes).await, vec![Errno::ROFS; 5]);
        }
        for name in ["from", "from-clone"] {
            assert_eq!(world.read_only(name).await.read(0, 3).await.unwrap(), "old");
        }
        for image in [
            world.read_only("to").await,
            world.open_at("to", "s").await,
            world.read_only("to-clone").await,
        ] {
            let error = image.read(0, 3).await.unwrap_err();
            assert_eq!(error.errno(), Errno::OPNOTSUPP, "{error}");
        }
    });
}
