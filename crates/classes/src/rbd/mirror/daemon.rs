//! Daemons, and the images that were given to them.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::call::mirror::{
    MirrorImageMapList, MirrorImageMapRemove, MirrorImageMapUpdate, MirrorInstancesAdd,
    MirrorInstancesList, MirrorInstancesRemove,
};
use marcot_format::mirror::{IMAGE_MAP_PREFIX, INSTANCE_PREFIX, MirrorImageMap};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 6] = [
    Entry::of::<MirrorInstancesList>(),
    Entry::of::<MirrorInstancesAdd>(),
    Entry::of::<MirrorInstancesRemove>(),
    Entry::of::<MirrorImageMapList>(),
    Entry::of::<MirrorImageMapUpdate>(),
    Entry::of::<MirrorImageMapRemove>(),
];

impl Method for MirrorInstancesList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Vec<String>, Errno> {
        let instances = omap::list(object, INSTANCE_PREFIX, "", u64::MAX)?.into_iter();
        Ok(instances.map(|(id, _)| id).collect())
    }
}

impl Method for MirrorInstancesAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = format!("{INSTANCE_PREFIX}{}", self.instance_id);
        object.omap_set(vec![(Bytes::from(key), Bytes::new())])
    }
}

impl Method for MirrorInstancesRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        object.stat()?;
        omap::remove(object, &format!("{INSTANCE_PREFIX}{}", self.instance_id))
    }
}

impl Method for MirrorImageMapList {
    /// Damage is `EINVAL` here.
    fn run(
        self,
        object: &mut dyn ObjectContext,
    ) -> Result<BTreeMap<String, MirrorImageMap>, Errno> {
        omap::list(object, IMAGE_MAP_PREFIX, &self.after, self.max)?
            .into_iter()
            .map(|(id, map)| Ok((id, MirrorImageMap::from_bytes(&map).map_err(|_| Errno::INVAL)?)))
            .collect()
    }
}

impl Method for MirrorImageMapUpdate {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        omap::set(object, &MirrorImageMap::key(&self.global_image_id), &self.map)
    }
}

impl Method for MirrorImageMapRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = MirrorImageMap::key(&self.global_image_id);
        if omap::contains(object, &key)? { omap::remove(object, &key) } else { Ok(()) }
    }
}
