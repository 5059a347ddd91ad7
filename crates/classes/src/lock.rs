//! The class `lock`: advisory locks in an attribute of any object.

mod holders;
mod query;
mod stored;
mod take;

use crate::method::Entry;

/// All methods of the class.
pub(crate) fn methods() -> impl Iterator<Item = Entry> {
    let topics: [&'static [Entry]; 3] = [&take::METHODS, &holders::METHODS, &query::METHODS];
    topics.into_iter().flatten().copied()
}
