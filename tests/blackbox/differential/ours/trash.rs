//! Into the trash and out of it.

use std::time::Duration;

use marcot_format::trash::TrashSource;
use marcot_image::operation::trash::{self, Deferment};
use marcot_image::{Location, NoProgress, pool};
use marcot_store::Errno;

use super::Ours;
use crate::differential::operation::Operation;

impl Ours {
    pub(super) async fn use_trash(&self, operation: &Operation) -> Result<(), Errno> {
        let client = &self.client;
        let done = match operation {
            Operation::TrashMove { image, delay } => {
                let (at, name) = self.place(image);
                let delay = Duration::from_secs(*delay);
                trash::move_to_trash(client, &at, &name, TrashSource::User, delay).await
            }
            Operation::TrashRestore { image, to } => {
                let (at, id) = self.trashed(image).await?;
                trash::restore(client, &at, &id, Some(to)).await
            }
            Operation::TrashRemove { image, force } => {
                let (at, id) = self.trashed(image).await?;
                let deferment = if *force { Deferment::Overridden } else { Deferment::Respected };
                trash::remove_from_trash(client, &at, &id, deferment, &NoProgress).await
            }
            other => unreachable!("{other:?} is not about the trash"),
        };
        done.map_err(|error| error.errno())
    }

    /// Where, and the id of the one that had this name.
    async fn trashed(&self, spec: &str) -> Result<(Location, String), Errno> {
        let (at, name) = self.place(spec);
        let entries = pool::trash::list(&self.client, &at).await.map_err(|error| error.errno())?;
        let mut named = entries.into_iter().filter(|entry| entry.spec.name == name);
        match (named.next(), named.next()) {
            (Some(only), None) => Ok((at, only.id)),
            _ => Err(Errno::NOENT),
        }
    }
}
