//! Parents: which ancestor holds the bytes that a clone has not got.
//!
//! An [`Ancestry`] describes the chain above one parent snapshot: per layer its place, size,
//! layout, and which objects it is known not to hold. It is built at the first read that misses,
//! never at open, and shared by all clones of that snapshot. Every lookup is a loop: no depth
//! limits anything.
//!
//! A snapshot's bytes never change, but the chain does: a middle layer may be flattened and what
//! was under it removed. So the table is a cache that may be wrong in one direction: an object
//! that is missing where the table allows for it counts as missing only after the headers of the
//! chain were read again ([`Search::conclude`]).

mod ancestry;
mod layer;
mod search;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use marcot_format::parent::ParentImageSpec;
use marcot_store::Store;

pub(crate) use ancestry::{Ancestry, AncestryError, Found, Placed};
pub(crate) use search::Search;

/// The ancestries in use, by the snapshot at their bottom.
#[derive(Debug, Default)]
pub(crate) struct Ancestries {
    tables: Mutex<HashMap<ParentImageSpec, Weak<Ancestry>>>,
}

impl Ancestries {
    /// The table for `parent`: the one in use, or a new one.
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        parent: &ParentImageSpec,
    ) -> Result<Arc<Ancestry>, AncestryError> {
        if let Some(table) = self.in_use(parent) {
            return Ok(table);
        }
        let built = Arc::new(Ancestry::build(store, parent).await?);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(parent).and_then(Weak::upgrade) {
            return Ok(table);
        }
        tables.retain(|_, table| table.strong_count() > 0);
        tables.insert(parent.clone(), Arc::downgrade(&built));
        Ok(built)
    }

    /// Forgets a table that turned out to be wrong.
    pub(crate) fn forget(&self, wrong: &Arc<Ancestry>) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.retain(|_, table| !std::ptr::eq(table.as_ptr(), Arc::as_ptr(wrong)));
    }

    /// Whether nobody found this table wrong.
    pub(crate) fn is_in_use(&self, table: &Arc<Ancestry>) -> bool {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.values().any(|used| std::ptr::eq(used.as_ptr(), Arc::as_ptr(table)))
    }

    fn in_use(&self, parent: &ParentImageSpec) -> Option<Arc<Ancestry>> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.get(parent).and_then(Weak::upgrade)
    }
}
