//! The names under which exports are served.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::export::Export;
use super::limits::STRING_BYTES;

/// The exports of a server by name. The empty name stands for the first one.
#[derive(Clone, Default)]
pub struct Exports {
    by_name: BTreeMap<String, Arc<dyn Export>>,
    first: Option<Arc<dyn Export>>,
}

impl Exports {
    /// One export.
    pub fn single(name: impl Into<String>, export: Arc<dyn Export>) -> Exports {
        let mut exports = Exports::default();
        exports.add(name, export);
        exports
    }

    /// Serves `export` as `name`, in place of what had the name before.
    ///
    /// Names longer than the protocol's 4096 bytes are cut at a character.
    pub fn add(&mut self, name: impl Into<String>, export: Arc<dyn Export>) {
        let mut name = name.into();
        while name.len() > STRING_BYTES {
            name.pop();
        }
        self.first.get_or_insert_with(|| Arc::clone(&export));
        self.by_name.insert(name, export);
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<dyn Export>> {
        let by_default = if name.is_empty() { self.first.as_ref() } else { None };
        self.by_name.get(name).or(by_default).map(Arc::clone)
    }
}

impl fmt::Debug for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}
