//! Names and ids of consistency groups.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::call::group::{GroupDirAdd, GroupDirList, GroupDirRemove, GroupDirRename};
use marcot_format::directory::{id_key, name_key};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::directory::{check_linked, link, names};
use super::is_image_id;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<GroupDirAdd>(),
    Entry::of::<GroupDirRemove>(),
    Entry::of::<GroupDirRename>(),
    Entry::of::<GroupDirList>(),
];

impl Method for GroupDirAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.name.is_empty() || !is_image_id(&self.group_id) {
            return Err(Errno::INVAL);
        }
        if omap::contains(object, &name_key(&self.name))? {
            return Err(Errno::EXIST);
        }
        if omap::contains(object, &id_key(&self.group_id))? {
            return Err(Errno::BADF);
        }
        link(object, &self.name, &self.group_id)
    }
}

impl Method for GroupDirRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        check_linked(object, &self.name, &self.group_id)?;
        object.omap_remove(vec![
            Bytes::from(name_key(&self.name)),
            Bytes::from(id_key(&self.group_id)),
        ])
    }
}

impl Method for GroupDirRename {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        check_linked(object, &self.source, &self.group_id)?;
        if self.target.is_empty() {
            return Err(Errno::INVAL);
        }
        if omap::contains(object, &name_key(&self.target))? {
            return Err(Errno::EXIST);
        }
        omap::remove(object, &name_key(&self.source))?;
        link(object, &self.target, &self.group_id)
    }
}

impl Method for GroupDirList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeMap<String, String>, Errno> {
        names(object, &self.after, self.max)
    }
}
