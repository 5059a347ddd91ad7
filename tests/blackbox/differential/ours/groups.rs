//! Groups of images, and snapshots of them.

use marcot_format::group::GroupSpec;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_image::coordination::Quiesce;
use marcot_image::header::Snapshot;
use marcot_image::operation::group;
use marcot_image::operation::group::snapshot;
use marcot_image::pool::group::{self as record, Group};
use marcot_image::{Image, ImageKey, NoProgress};
use marcot_store::Errno;

use super::Ours;
use crate::differential::operation::Operation;

impl Ours {
    /// What the user called a snapshot: one in the trash has a random name, one of a group an id.
    pub(crate) async fn label(&self, image: &Image, snap: &Snapshot) -> Result<String, Errno> {
        Ok(match &snap.namespace {
            SnapshotNamespace::Trash { original_name, .. } => format!("trash:{original_name}"),
            SnapshotNamespace::Group { pool_id, group_id, group_snap_id } => {
                let spec = GroupSpec { pool_id: *pool_id, group_id: group_id.clone() };
                let group = Group::referred(&spec, &image.location().namespace);
                let found = record::snapshot(&self.client, &group, group_snap_id).await;
                format!("group:{}", found.map_err(|error| error.errno())?.name)
            }
            _ => snap.name.clone(),
        })
    }

    pub(super) async fn group(&self, operation: &Operation) -> Result<(), Errno> {
        let client = &self.client;
        let done = match operation {
            Operation::GroupCreate { group } => {
                let (at, name) = self.place(group);
                group::create(client, &at, &name).await
            }
            Operation::GroupRemove { group } => {
                let (at, name) = self.place(group);
                group::remove(client, &at, &name).await
            }
            Operation::GroupRename { group, to } => {
                let (at, name) = self.place(group);
                group::rename(client, &at, &name, to).await
            }
            Operation::GroupAdd { group, image } => {
                let ((at, name), (image_at, image)) = (self.place(group), self.place(image));
                group::add_image(client, (&at, &name), (&image_at, &image)).await
            }
            Operation::GroupDrop { group, image } => {
                let ((at, name), (image_at, image)) = (self.place(group), self.place(image));
                let image = ImageKey::Name(image);
                group::remove_image(client, (&at, &name), (&image_at, &image)).await
            }
            other => unreachable!("{other:?} is about no group"),
        };
        done.map_err(|error| error.errno())
    }

    pub(super) async fn group_snapshot(&self, operation: &Operation) -> Result<(), Errno> {
        let client = &self.client;
        let done = match operation {
            Operation::GroupSnapCreate { group, snap } => {
                let (at, name) = self.place(group);
                snapshot::create(client, &at, &name, snap, Quiesce::default()).await
            }
            Operation::GroupSnapRemove { group, snap } => {
                let (at, name) = self.place(group);
                snapshot::remove(client, &at, &name, snap).await
            }
            Operation::GroupSnapRename { group, snap, to } => {
                let (at, name) = self.place(group);
                snapshot::rename(client, &at, &name, snap, to).await
            }
            Operation::GroupSnapRollback { group, snap } => {
                let (at, name) = self.place(group);
                snapshot::rollback(client, &at, &name, snap, &NoProgress).await
            }
            other => unreachable!("{other:?} is about no group's snapshot"),
        };
        done.map_err(|error| error.errno())
    }
}
