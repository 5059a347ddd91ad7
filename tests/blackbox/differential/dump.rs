//! Everything that pools hold, as lines that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::future::join_all;
use marcot_format::features::Flags;
use marcot_format::header::{DATA_POOL_ID, FLAGS, OBJECT_PREFIX};
use marcot_format::object_name;
use marcot_format::wire::Decode;
use marcot_store::{ListQuery, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapId, Store};
use pollster::block_on;

use super::names::Names;
use super::record::{self, FREE, SnapshotMap};

/// An object whose head exists, whole.
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    pub(crate) data: Bytes,
    pub(crate) xattrs: Vec<(String, Bytes)>,
    pub(crate) omap: Vec<(Bytes, Bytes)>,
}

/// One line for each object's existence and data, each attribute, and each key with its value.
/// `pools` are shown by these words. Sorted.
pub(crate) fn dump(store: &dyn Store, pools: &[(PoolId, char)]) -> Vec<String> {
    let objects: Vec<Object> =
        pools.iter().flat_map(|(pool, _)| block_on(read_pool(store, *pool))).collect();
    let names = Names::of(&objects);
    let mut lines = Vec::new();
    for object in &objects {
        let (_, word) =
            pools.iter().find(|(pool, _)| *pool == object.id.pool).expect("one of them");
        let at = format!("{word}/{}/{}", object.id.namespace, names.object(&object.id.name));
        let data = match record::snapshot_map(object) {
            Some(map) => block_on(without_zeros(store, object, &objects, map)),
            None if is_distrusted_map(object, &objects) => "a map that nobody believes".to_owned(),
            None => record::data(object, &names),
        };
        lines.push(format!("{at}: {data}"));
        for (key, value) in &object.xattrs {
            lines.push(format!("{at} xattr {key} = {}", record::xattr(key, value)));
        }
        for (key, value) in &object.omap {
            let (key, value) = record::pair(object, key, value, &names);
            lines.push(format!("{at} {key} = {value}"));
        }
    }
    lines.sort();
    lines
}

/// What a dump calls the images of these ids.
pub(crate) fn names_of(
    store: &dyn Store,
    pools: &[(PoolId, char)],
    ids: &BTreeSet<String>,
) -> BTreeSet<String> {
    let objects: Vec<Object> =
        pools.iter().flat_map(|(pool, _)| block_on(read_pool(store, *pool))).collect();
    let names = Names::of(&objects);
    ids.iter().map(|id| names.text(id)).collect()
}

/// The object maps of these images, with "changed" where they say "clean".
///
/// After a rollback librbd's map of the head is the snapshot's, "clean" where that says so, though
/// every object has been written to: its own check finds that wrong. Ours says "changed", and is
/// checked by itself.
pub(crate) fn changed_or_clean_alike(lines: Vec<String>, images: &BTreeSet<String>) -> Vec<String> {
    let shown = |line: String| match line.rsplit_once(": ") {
        Some((object, states))
            if images.iter().any(|image| {
                let map = format!("/rbd_object_map.{image}");
                object.ends_with(&map) || object.contains(&format!("{map}@"))
            }) =>
        {
            format!("{object}: {}", states.replace('3', "1"))
        }
        _ => line,
    };
    lines.into_iter().map(shown).collect()
}

/// The lines of `all` that are not in `others`, each as often as it is there.
///
/// A lock that nobody holds says only that somebody once had it, and some of our verbs take it
/// where Ceph's do not: it counts where both have one.
pub(crate) fn only_in<'a>(all: &'a [String], others: &[String]) -> Vec<&'a String> {
    let mut left: BTreeMap<&String, usize> = BTreeMap::new();
    for line in others {
        *left.entry(line).or_default() += 1;
    }
    let mut is_missing = |line: &&String| match left.get_mut(*line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    let has_both = |line: &&String| {
        let (attribute, _) = line.split_once(" = ").unwrap_or((line, ""));
        others
            .iter()
            .any(|other| other.strip_prefix(attribute).is_some_and(|rest| rest.starts_with(" = ")))
    };
    let counts = |line: &&String| !line.ends_with(FREE) || has_both(line);
    all.iter().filter(|line| is_missing(line) && counts(line)).collect()
}

/// Whether the object is the map of a head that is flagged as not to be believed. What such a map says
/// is nobody's business: a flatten on Ceph calls every object existing in it, ours those that are.
fn is_distrusted_map(object: &Object, objects: &[Object]) -> bool {
    let Some(image) = object.id.name.strip_prefix("rbd_object_map.") else { return false };
    let flags = header_of(image, object, objects).and_then(|header| header.value(FLAGS));
    flags.is_some_and(|flags| {
        Flags::from_bits(u64::from_bytes(flags).expect("flags")).contains(Flags::OBJECT_MAP_INVALID)
    })
}

/// The header of the image that has this object map.
fn header_of<'a>(image: &str, map: &Object, objects: &'a [Object]) -> Option<&'a Object> {
    let name = object_name::header(image);
    objects
        .iter()
        .find(|object| object.id.namespace == map.id.namespace && *object.id.name == *name)
}

impl Object {
    fn value(&self, key: &str) -> Option<&Bytes> {
        self.omap.iter().find(|(found, _)| found == key.as_bytes()).map(|(_, value)| value)
    }
}

/// The states of a snapshot's object map, without those of objects that are all zeros there.
///
/// Ceph reads what it copies up, and leaves out of the snapshots' maps what turns out to be zeros;
/// we take blocks over without looking. A map may say that there is something, never the reverse.
async fn without_zeros(
    store: &dyn Store,
    map_object: &Object,
    objects: &[Object],
    map: SnapshotMap,
) -> String {
    let header = header_of(&map.image, map_object, objects).expect("a map of an image");
    let value = |key: &str| header.value(key);
    let prefix = String::from_bytes(value(OBJECT_PREFIX).expect("a prefix")).expect("text");
    let pool = value(DATA_POOL_ID).map(|id| PoolId(i64::from_bytes(id).expect("a pool")));
    let mut text = String::new();
    for (number, state) in (0..).zip(map.states.iter()) {
        let name = object_name::data(&prefix, number);
        let id = ObjectId {
            name: name.into(),
            pool: pool.unwrap_or(map_object.id.pool),
            ..map_object.id.clone()
        };
        let whole = ReadOp::single(ReadStep::Read { offset: 0, length: 64 << 20 });
        let shown = match store.read(&id, SnapId(map.snap), whole).await.as_deref() {
            Ok([ReadResult::Data(data)]) if data.iter().any(|byte| *byte != 0) => state as u8,
            _ => 0,
        };
        text.push(char::from(b'0' + shown));
    }
    text
}

async fn read_pool(store: &dyn Store, pool: PoolId) -> Vec<Object> {
    let query = ListQuery { pool, namespace: None, cursor: None, max: 1 << 20 };
    let listed = store.list_objects(query).await.expect("list").objects;
    join_all(listed.into_iter().map(|id| read(store, id))).await.into_iter().flatten().collect()
}

/// `None` when only clones are left of it: those are compared through the images' snapshots.
async fn read(store: &dyn Store, id: ObjectId) -> Option<Object> {
    // Objects with more keys are not made by these tests.
    let steps = vec![
        ReadStep::Read { offset: 0, length: 64 << 20 },
        ReadStep::GetXattrs,
        ReadStep::OmapList { after: None, prefix: Bytes::new(), max: 1000 },
    ];
    let mut results = store.read(&id, SnapId::HEAD, ReadOp { steps }).await.ok()?;
    let (omap, xattrs, data) = (results.pop(), results.pop(), results.pop());
    match (data, xattrs, omap) {
        (
            Some(ReadResult::Data(data)),
            Some(ReadResult::Xattrs(xattrs)),
            Some(ReadResult::Omap(page)),
        ) if !page.more => Some(Object { id, data, xattrs, omap: page.entries }),
        other => panic!("{id}: {other:?}"),
    }
}
