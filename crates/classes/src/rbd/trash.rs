//! Images in the trash.

use std::collections::BTreeMap;

use marcot_format::call::trash::{TrashAdd, TrashGet, TrashList, TrashRemove, TrashStateSet};
use marcot_format::directory::ID_PREFIX;
use marcot_format::trash::{TrashImageSpec, trash_key};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 5] = [
    Entry::of::<TrashAdd>(),
    Entry::of::<TrashRemove>(),
    Entry::of::<TrashList>(),
    Entry::of::<TrashGet>(),
    Entry::of::<TrashStateSet>(),
];

impl Method for TrashAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = trash_key(&self.image_id);
        if omap::contains(object, &key)? {
            return Err(Errno::EXIST);
        }
        omap::set(object, &key, &self.spec)
    }
}

impl Method for TrashRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = trash_key(&self.image_id);
        object.omap_value(key.as_bytes())?;
        omap::remove(object, &key)
    }
}

impl Method for TrashList {
    fn run(
        self,
        object: &mut dyn ObjectContext,
    ) -> Result<BTreeMap<String, TrashImageSpec>, Errno> {
        omap::list(object, ID_PREFIX, &self.after, self.max)?
            .into_iter()
            .map(|(id, spec)| Ok((id, TrashImageSpec::from_bytes(&spec).map_err(|_| Errno::IO)?)))
            .collect()
    }
}

impl Method for TrashGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<TrashImageSpec, Errno> {
        omap::value(object, &trash_key(&self.image_id))
    }
}

impl Method for TrashStateSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = trash_key(&self.image_id);
        let mut spec: TrashImageSpec = omap::value(object, &key)?;
        if spec.state == self.new {
            return Ok(());
        }
        if spec.state != self.expected {
            return Err(Errno::STALE);
        }
        spec.state = self.new;
        omap::set(object, &key, &spec)
    }
}
