//! The namespaces of a pool.

use marcot_format::call::namespace::{NamespaceAdd, NamespaceList, NamespaceRemove};
use marcot_format::directory::{NAME_PREFIX, name_key};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 3] =
    [Entry::of::<NamespaceAdd>(), Entry::of::<NamespaceRemove>(), Entry::of::<NamespaceList>()];

impl Method for NamespaceAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = name_key(&self.name);
        if omap::contains(object, &key)? {
            return Err(Errno::EXIST);
        }
        omap::set(object, &key, &())
    }
}

impl Method for NamespaceRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = name_key(&self.name);
        object.omap_value(key.as_bytes())?;
        omap::remove(object, &key)
    }
}

impl Method for NamespaceList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Vec<String>, Errno> {
        let pairs = omap::list(object, NAME_PREFIX, &self.after, self.max)?;
        Ok(pairs.into_iter().map(|(name, _)| name).collect())
    }
}
