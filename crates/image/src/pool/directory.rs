//! The images of a namespace: `rbd_directory`, whose omap has those of format 2.

use marcot_format::call::directory::{DirGetId, DirGetName, DirList};
use marcot_format::object_name::DIRECTORY;

use crate::class_call::{CallError, ask};
use crate::client::{Client, ImageKey, Location};

use super::format_1;

/// How many names to ask for at once.
const PAGE: u64 = 1024;

/// An image in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    /// Images of format 1 have none.
    pub id: Option<String>,
}

impl Entry {
    /// How to open it: by its id, if it has one, so that a change of names does no harm.
    pub fn key(&self) -> ImageKey {
        match &self.id {
            Some(id) => ImageKey::Id(id.clone()),
            None => ImageKey::Name(self.name.clone()),
        }
    }
}

/// All images of a namespace: as in Ceph, those of format 1 by name, then the others by name. A
/// pool that never held one has none.
pub async fn list(client: &Client, at: &Location) -> Result<Vec<Entry>, CallError> {
    let names = format_1::names(client, at).await?.into_iter();
    let mut entries: Vec<Entry> = names.map(|name| Entry { name, id: None }).collect();
    entries.extend(list_format_2(client, at).await?);
    Ok(entries)
}

async fn list_format_2(client: &Client, at: &Location) -> Result<Vec<Entry>, CallError> {
    let object = at.object(DIRECTORY);
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.name.clone()).unwrap_or_default();
        let page = match ask(&*client.store, &object, &DirList { after, max: PAGE }).await {
            Err(error) if error.is_not_found() => return Ok(entries),
            other => other?,
        };
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page.into_iter().map(|(name, id)| Entry { name, id: Some(id) }));
    }
}

/// The id of the image `name`; `ENOENT`.
pub async fn id_of(client: &Client, at: &Location, name: &str) -> Result<String, CallError> {
    let call = DirGetId { name: name.to_owned() };
    ask(&*client.store, &at.object(DIRECTORY), &call).await
}

/// The name of the image with that id; `ENOENT`, also for images in the trash.
pub async fn name_of(client: &Client, at: &Location, id: &str) -> Result<String, CallError> {
    let call = DirGetName { image_id: id.to_owned() };
    ask(&*client.store, &at.object(DIRECTORY), &call).await
}
