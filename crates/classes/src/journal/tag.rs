//! Who owned an image when entries were written.
//!
//! A tag below the lowest that a client's position names is needed only as the newest of its class.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use marcot_format::call::journal::{GetNextTagTid, GetTag, TagCreate, TagList};
use marcot_format::journal::{
    JournalClient, JournalTag, NEXT_TAG_CLASS, NEXT_TAG_TID, TAG_PREFIX, client_key, tag_key,
};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::{client, value};
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<GetNextTagTid>(),
    Entry::of::<GetTag>(),
    Entry::of::<TagCreate>(),
    Entry::of::<TagList>(),
];

/// As a class, asks for a new one.
const NEW_CLASS: u64 = u64::MAX;

/// All tags, by number.
fn all(object: &mut dyn ObjectContext) -> Result<Vec<JournalTag>, Errno> {
    let tags = omap::list(object, TAG_PREFIX, "", u64::MAX)?.into_iter();
    tags.map(|(_, tag)| JournalTag::from_bytes(&tag).map_err(|_| Errno::IO)).collect()
}

/// The lowest tag that a client's position names; it needs all if it has committed nothing.
fn lowest_needed(client: &JournalClient) -> u64 {
    client.commit_position.iter().map(|position| position.tag_tid).min().unwrap_or(0)
}

/// Tags that nobody who needs those from `lowest` on needs.
fn unneeded(tags: &[JournalTag], lowest: u64) -> BTreeSet<u64> {
    // By number, so that the newest of a class is what stays.
    let newest: BTreeMap<u64, u64> = tags.iter().map(|tag| (tag.class, tag.tid)).collect();
    let old = tags.iter().filter(|tag| tag.tid < lowest);
    old.filter(|tag| newest.get(&tag.class) != Some(&tag.tid)).map(|tag| tag.tid).collect()
}

/// Removes the tags that no client needs, not counting one that goes. Without clients all stay.
pub(super) fn remove_unneeded(
    object: &mut dyn ObjectContext,
    leaving: Option<&str>,
) -> Result<(), Errno> {
    let clients = client::all_but(object, leaving)?;
    let Some(lowest) = clients.iter().map(lowest_needed).min() else {
        return Ok(());
    };
    let unneeded = unneeded(&all(object)?, lowest);
    if unneeded.is_empty() {
        return Ok(());
    }
    object.omap_remove(unneeded.into_iter().map(|tid| Bytes::from(tag_key(tid))).collect())
}

impl Method for GetNextTagTid {
    fn run(self, object: &mut dyn ObjectContext) -> Result<u64, Errno> {
        value(object, NEXT_TAG_TID)
    }
}

impl Method for GetTag {
    fn run(self, object: &mut dyn ObjectContext) -> Result<JournalTag, Errno> {
        value(object, &tag_key(self.tid))
    }
}

impl Method for TagCreate {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = tag_key(self.tid);
        if omap::contains(object, &key)? {
            return Err(Errno::EXIST);
        }
        let next_tid: u64 = value(object, NEXT_TAG_TID)?;
        if self.tid != next_tid {
            return Err(Errno::STALE);
        }
        let next_class: u64 = value(object, NEXT_TAG_CLASS)?;
        let after = |number: u64| number.checked_add(1).ok_or(Errno::INVAL);
        let mut written = vec![omap::pair(NEXT_TAG_TID, &after(next_tid)?)];
        let class = match self.class {
            NEW_CLASS => {
                written.push(omap::pair(NEXT_TAG_CLASS, &after(next_class)?));
                next_class
            }
            class if class >= next_class => return Err(Errno::INVAL),
            class => class,
        };
        let tag = JournalTag { tid: self.tid, class, data: self.data };
        written.push(omap::pair(&key, &tag));
        remove_unneeded(object, None)?;
        object.omap_set(written)
    }
}

impl Method for TagList {
    /// `after` 0 begins at the start. A limit of 0 lets one through, unless tags are left out.
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeSet<JournalTag>, Errno> {
        let client: JournalClient = value(object, &client_key(&self.client_id))?;
        let mut tags = all(object)?;
        let unneeded = unneeded(&tags, lowest_needed(&client));
        tags.retain(|tag| {
            (self.after == 0 || tag.tid > self.after)
                && !unneeded.contains(&tag.tid)
                && self.class.is_none_or(|class| class == tag.class)
        });
        let max = if unneeded.is_empty() { self.max.max(1) } else { self.max };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(tags.into_iter().take(max).collect())
    }
}
