//! The images of a namespace: `rbd_directory`.

use marcot_format::call::directory::{DirGetId, DirGetName, DirList};
use marcot_format::object_name::DIRECTORY;

use crate::class_call::{CallError, ask};
use crate::client::{Client, Location};

/// How many names to ask for at once.
const PAGE: u64 = 1024;

/// An image in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    pub id: String,
}

/// All images of a namespace, by name. A pool that never held one has none.
pub async fn list(client: &Client, at: &Location) -> Result<Vec<Entry>, CallError> {
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
        entries.extend(page.into_iter().map(|(name, id)| Entry { name, id }));
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
