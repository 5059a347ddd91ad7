//! Key-value metadata of an image or pool.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::call::metadata::{MetadataGet, MetadataList, MetadataRemove, MetadataSet};
use marcot_format::header::{METADATA_PREFIX, metadata_key};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<MetadataList>(),
    Entry::of::<MetadataSet>(),
    Entry::of::<MetadataGet>(),
    Entry::of::<MetadataRemove>(),
];

impl Method for MetadataList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeMap<String, Vec<u8>>, Errno> {
        let max = if self.max == 0 { u64::MAX } else { self.max };
        let pairs = omap::list(object, METADATA_PREFIX, &self.after, max)?;
        Ok(pairs.into_iter().map(|(key, value)| (key, value.to_vec())).collect())
    }
}

impl Method for MetadataSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let pairs = self.pairs.into_iter();
        let pairs = pairs.map(|(key, value)| (Bytes::from(metadata_key(&key)), Bytes::from(value)));
        object.omap_set(pairs.collect())
    }
}

impl Method for MetadataGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Vec<u8>, Errno> {
        Ok(object.omap_value(metadata_key(&self.key).as_bytes())?.to_vec())
    }
}

impl Method for MetadataRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        object.stat()?;
        omap::remove(object, &metadata_key(&self.key))
    }
}
