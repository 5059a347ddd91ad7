//! The images in the trash of a namespace: `rbd_trash`.

use marcot_format::call::trash::{TrashGet, TrashList};
use marcot_format::object_name::TRASH;
use marcot_format::trash::TrashImageSpec;

use crate::class_call::{CallError, ask};
use crate::client::{Client, Location};

/// How many entries to ask for at once.
const PAGE: u64 = 1024;

/// An image in the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub spec: TrashImageSpec,
}

/// All entries of a namespace, by id.
pub async fn list(client: &Client, at: &Location) -> Result<Vec<Entry>, CallError> {
    let object = at.object(TRASH);
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.id.clone()).unwrap_or_default();
        let page = match ask(&*client.store, &object, &TrashList { after, max: PAGE }).await {
            Err(error) if error.is_not_found() => return Ok(entries),
            other => other?,
        };
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page.into_iter().map(|(id, spec)| Entry { id, spec }));
    }
}

/// The entry of one image.
pub async fn get(
    client: &Client,
    at: &Location,
    id: &str,
) -> Result<Option<TrashImageSpec>, CallError> {
    match ask(&*client.store, &at.object(TRASH), &TrashGet { image_id: id.to_owned() }).await {
        Ok(spec) => Ok(Some(spec)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
