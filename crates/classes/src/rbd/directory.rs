//! Names and ids of images.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::call::directory::{
    DirAddImage, DirGetId, DirGetName, DirList, DirRemoveImage, DirRenameImage, DirStateAssert,
    DirStateSet,
};
use marcot_format::directory::{DirectoryState, NAME_PREFIX, STATE, id_key, name_key};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::is_image_id;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 8] = [
    Entry::of::<DirAddImage>(),
    Entry::of::<DirRemoveImage>(),
    Entry::of::<DirRenameImage>(),
    Entry::of::<DirGetId>(),
    Entry::of::<DirGetName>(),
    Entry::of::<DirList>(),
    Entry::of::<DirStateAssert>(),
    Entry::of::<DirStateSet>(),
];

impl Method for DirAddImage {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.name.is_empty() || !is_image_id(&self.image_id) {
            return Err(Errno::INVAL);
        }
        if omap::contains(object, &name_key(&self.name))? {
            return Err(Errno::EXIST);
        }
        if omap::contains(object, &id_key(&self.image_id))? {
            return Err(Errno::BADF);
        }
        link(object, &self.name, &self.image_id)
    }
}

impl Method for DirRemoveImage {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        check_linked(object, &self.name, &self.image_id)?;
        object.omap_remove(vec![
            Bytes::from(name_key(&self.name)),
            Bytes::from(id_key(&self.image_id)),
        ])
    }
}

impl Method for DirRenameImage {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        check_linked(object, &self.source, &self.image_id)?;
        if self.target.is_empty() {
            return Err(Errno::INVAL);
        }
        if omap::contains(object, &name_key(&self.target))? {
            return Err(Errno::EXIST);
        }
        omap::remove(object, &name_key(&self.source))?;
        link(object, &self.target, &self.image_id)
    }
}

impl Method for DirGetId {
    fn run(self, object: &mut dyn ObjectContext) -> Result<String, Errno> {
        omap::value(object, &name_key(&self.name))
    }
}

impl Method for DirGetName {
    fn run(self, object: &mut dyn ObjectContext) -> Result<String, Errno> {
        omap::value(object, &id_key(&self.image_id))
    }
}

impl Method for DirList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeMap<String, String>, Errno> {
        names(object, &self.after, self.max)
    }
}

impl Method for DirStateAssert {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let state: DirectoryState = omap::value(object, STATE)?;
        if state == self.state { Ok(()) } else { Err(Errno::NOENT) }
    }
}

impl Method for DirStateSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.state == DirectoryState::AddDisabled
            && !omap::list(object, NAME_PREFIX, "", 1)?.is_empty()
        {
            return Err(Errno::BUSY);
        }
        omap::set(object, STATE, &self.state)
    }
}

/// Name to id, of names after `after`.
pub(super) fn names(
    object: &mut dyn ObjectContext,
    after: &str,
    max: u64,
) -> Result<BTreeMap<String, String>, Errno> {
    omap::list(object, NAME_PREFIX, after, max)?
        .into_iter()
        .map(|(name, id)| Ok((name, String::from_bytes(&id).map_err(|_| Errno::IO)?)))
        .collect()
}

/// Both directions of a name and an id.
pub(super) fn link(
    object: &mut dyn ObjectContext,
    name: &str,
    image_id: &str,
) -> Result<(), Errno> {
    object
        .omap_set(vec![omap::pair(&name_key(name), image_id), omap::pair(&id_key(image_id), name)])
}

/// `ENOENT` when either is unknown, `ESTALE` when they belong to others.
pub(super) fn check_linked(
    object: &mut dyn ObjectContext,
    name: &str,
    image_id: &str,
) -> Result<(), Errno> {
    let stored_id: String = omap::value(object, &name_key(name))?;
    let stored_name: String = omap::value(object, &id_key(image_id))?;
    if stored_id == image_id && stored_name == name { Ok(()) } else { Err(Errno::STALE) }
}
