//! The table of all methods, by class and name.

use bytes::Bytes;
use marcot_store::Errno;
use marcot_store::class::{Classes, MethodKind, ObjectContext};

use crate::method::Entry;
use crate::{journal, lock, rbd};

/// Finds methods and runs them. Immutable once built.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Sorted by class and method.
    entries: Vec<Entry>,
}

impl Registry {
    /// Every class and method there is.
    pub fn all() -> Registry {
        let methods = rbd::methods().chain(journal::methods()).chain(lock::methods());
        let mut entries: Vec<Entry> = methods.collect();
        entries.sort_by_key(|entry| (entry.class, entry.method));
        Registry { entries }
    }

    fn find(&self, class: &str, method: &str) -> Option<&Entry> {
        let index = self
            .entries
            .binary_search_by(|entry| (entry.class, entry.method).cmp(&(class, method)))
            .ok()?;
        self.entries.get(index)
    }
}

impl Classes for Registry {
    fn kind(&self, class: &str, method: &str) -> Option<MethodKind> {
        self.find(class, method).map(|entry| entry.kind)
    }

    fn call(
        &self,
        class: &str,
        method: &str,
        object: &mut dyn ObjectContext,
        input: &[u8],
    ) -> Result<Bytes, Errno> {
        let entry = self.find(class, method).ok_or(Errno::OPNOTSUPP)?;
        (entry.run)(object, input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_one_implementation_each() {
        let entries = Registry::all().entries;
        for pair in entries.windows(2) {
            assert_ne!(
                (pair[0].class, pair[0].method),
                (pair[1].class, pair[1].method),
                "listed twice"
            );
        }
        assert!(entries.len() > 70, "only {} methods", entries.len());
    }

    #[test]
    fn kinds_are_told_and_strangers_refused() {
        let classes = Registry::all();
        assert_eq!(classes.kind("rbd", "get_size"), Some(MethodKind::Read));
        assert_eq!(classes.kind("lock", "lock"), Some(MethodKind::Write));
        assert_eq!(classes.kind("rbd", "lock"), None);
    }
}
