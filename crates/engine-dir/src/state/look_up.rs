//! Looking up an object in the last checkpoint: what is to be read is said with the core locked, and
//! read without, so that nobody else waits for the medium.

use std::ops::Bound;
use std::sync::Arc;

use crate::layout::decode_object;
use crate::meta::{MetaError, MetaStore, Table};
use crate::object::Object;

/// What is to be read.
#[derive(Debug)]
pub(crate) struct LookUp {
    pub(super) meta: Arc<dyn MetaStore>,
    pub(super) key: Vec<u8>,
    pub(super) checkpoints: u64,
}

/// What was found, for [`super::Objects::take_in`].
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) key: Vec<u8>,
    pub(super) stored: Stored,
    /// How many checkpoints there had been when it was asked for.
    pub(super) checkpoints: u64,
}

/// What a checkpoint holds of an object.
#[derive(Debug)]
pub(super) enum Stored {
    Row(Box<Object>),
    /// Nothing, nor of any other up to that key (`None`: to the end).
    Before(Option<Vec<u8>>),
    /// There is no checkpoint, or it is known to hold nothing there.
    Nowhere,
}

/// Keys from the first up to, not including, the second, that no row has. One gap is worth keeping:
/// the objects of a new image all lie in the same.
#[derive(Debug)]
pub(super) struct Gap {
    pub from: Vec<u8>,
    pub to: Option<Vec<u8>>,
}

impl Gap {
    pub(super) fn covers(&self, key: &[u8]) -> bool {
        *self.from <= *key && self.to.as_ref().is_none_or(|to| *key < **to)
    }
}

impl LookUp {
    /// Reads. The core need not be locked.
    pub(crate) fn run(self) -> Result<Found, MetaError> {
        let stored = read(&*self.meta, &self.key)?;
        Ok(Found { key: self.key, stored, checkpoints: self.checkpoints })
    }
}

pub(super) fn read(meta: &dyn MetaStore, key: &[u8]) -> Result<Stored, MetaError> {
    let rows = meta.range(Table::Objects, Bound::Included(key.to_vec()), &[], 1)?;
    Ok(match rows.into_iter().next() {
        Some((found, row)) if *found == *key => Stored::Row(Box::new(decode_object(&row)?)),
        next => Stored::Before(next.map(|(found, _)| found.to_vec())),
    })
}

#[cfg(test)]
mod tests {
    use marcot_store::{ObjectId, PoolId};

    use super::*;
    use crate::device::{SimulatedVolume, Volume as _};
    use crate::layout::{encode_object, object_key};
    use crate::meta::{MetaChange, RedbStore};
    use crate::object::Body;
    use crate::state::Objects;

    fn object(name: &str) -> ObjectId {
        ObjectId::new(PoolId(1), "", name)
    }

    /// A checkpoint of one object, `m`.
    fn checkpoint() -> Arc<dyn MetaStore> {
        let device = SimulatedVolume::new().create_meta().expect("no fault is planned");
        let meta = RedbStore::open(device).expect("it is empty");
        let stored = Object { head: Some(Body::default()), ..Object::default() };
        let (key, value) = (object_key(&object("m")), encode_object(&stored));
        let put = MetaChange::Put { table: Table::Objects, key, value };
        meta.commit(vec![put]).expect("no fault is planned");
        Arc::new(meta)
    }

    #[test]
    fn what_is_looked_up_is_taken_in_unless_a_checkpoint_came_between() {
        let (meta, mut objects) = (checkpoint(), Objects::default());
        let found = |objects: &Objects| {
            let look_up = objects.look_up(&meta, &object("m")).expect("it is not in memory");
            look_up.run().expect("nothing fails")
        };
        let early = found(&objects);
        objects.stored(7);
        objects.take_in(&object("m"), early);
        let again = found(&objects);
        objects.take_in(&object("m"), again);
        assert!(objects.look_up(&meta, &object("m")).is_none());
        assert!(objects.get(None, &object("m")).expect("it is in memory").head.is_some());
    }

    #[test]
    fn one_look_up_tells_of_a_whole_gap_until_the_next_checkpoint() {
        let (meta, mut objects) = (checkpoint(), Objects::default());
        let asks = |objects: &Objects, name: &str| objects.look_up(&meta, &object(name)).is_some();
        assert!(objects.get(Some(&*meta), &object("b")).expect("nothing fails").is_gone());
        assert!(!asks(&objects, "c") && !asks(&objects, "lzz"), "up to m there is nothing");
        assert!(asks(&objects, "a") && asks(&objects, "m") && asks(&objects, "n"));
        objects.stored(7);
        assert!(asks(&objects, "c"));
    }
}
