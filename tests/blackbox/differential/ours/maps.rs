//! What our object maps are checked for by themselves: where Ceph's are wrong, equal is not enough.

use std::collections::BTreeSet;

use marcot_format::features::{Features, Flags};
use marcot_image::operation::lock;
use marcot_image::operation::object_map::{Verdict, check};
use marcot_image::pool::group as record;
use marcot_image::{Access, Image, NoProgress, SnapKey};
use marcot_store::{Errno, SnapId};
use pollster::block_on;

use super::Ours;
use crate::differential::operation::Operation;

impl Ours {
    /// Ids of the images that an operation would roll back.
    pub(super) async fn to_roll_back(
        &self,
        operation: &Operation,
    ) -> Result<BTreeSet<String>, Errno> {
        match operation {
            Operation::SnapRollback { image, .. } => {
                let id = async |image: &Image| Ok(image.header().id.to_string());
                let id = self.with_snap(image, SnapKey::Head, Access::ReadOnly, id).await?;
                Ok(BTreeSet::from([id]))
            }
            Operation::GroupSnapRollback { group, snap } => {
                let (at, name) = self.place(group);
                let failed = |error: marcot_image::CallError| error.errno();
                let Some(group) = record::find(&self.client, &at, &name).await.map_err(failed)?
                else {
                    return Ok(BTreeSet::new());
                };
                let taken = record::snapshots(&self.client, &group).await.map_err(failed)?;
                let parts = taken.into_iter().filter(|found| found.name == *snap);
                Ok(parts.flat_map(|found| found.snapshots).map(|part| part.image_id).collect())
            }
            _ => Ok(BTreeSet::new()),
        }
    }

    /// The maps that promise something and do not stand the strict check against the objects.
    pub(crate) fn unsound_maps(&self) -> Vec<String> {
        block_on(async {
            let mut unsound = Vec::new();
            for image in self.images().await.expect("images") {
                let look = async |image: &Image| unsound_of(image).await;
                let found = self.with(&image, look).await.expect("maps");
                unsound.extend(found.iter().map(|at| format!("the object map of {image}{at}")));
            }
            unsound
        })
    }
}

async fn unsound_of(image: &Image) -> Result<Vec<String>, Errno> {
    let header = image.header();
    let locked = lock::list(image).await.map_err(|error| error.errno())?;
    if !header.features.contains(Features::OBJECT_MAP) || !locked.lockers.is_empty() {
        return Ok(Vec::new());
    }
    let mut unsound = Vec::new();
    for at in header.snapshots.iter().map(|snap| snap.id).chain([SnapId::HEAD]) {
        let view = header.view(at).ok_or(Errno::NOENT)?;
        if view.flags.contains(Flags::OBJECT_MAP_INVALID) {
            continue;
        }
        let checked = check(image, at, &NoProgress).await.map_err(|error| error.errno())?;
        if checked == Verdict::Invalid {
            let name = header.snapshot(at).map(|snap| format!("@{}", snap.name));
            unsound.push(name.unwrap_or_default());
        }
    }
    Ok(unsound)
}
