//! What daemons say of mirrored images.
//!
//! A word counts as long as its author watches the object; the watch tells that a daemon lives.

use std::collections::BTreeMap;

use marcot_format::call::mirror::{
    MirrorImageInstanceGet, MirrorImageInstanceList, MirrorImageStatusGet, MirrorImageStatusList,
    MirrorImageStatusRemove, MirrorImageStatusRemoveDown, MirrorImageStatusSet, StatusList,
};
use marcot_format::entity::{AddressKind, EntityAddress, EntityInstance, EntityName};
use marcot_format::mirror::{
    MirrorImage, MirrorImageSiteStatus, MirrorImageSiteStatusOnDisk, MirrorImageState,
    MirrorImageStatus, REMOTE_STATUS_PREFIX, STATUS_PREFIX, remote_status_key,
};
use marcot_format::wire::Decode;
use marcot_store::class::ObjectContext;
use marcot_store::{ClientAddress, ClientId, Errno};

use super::image::{global_key, images};
use crate::method::{Entry, Method};
use crate::omap;
use crate::rbd::now;

pub(super) const METHODS: [Entry; 7] = [
    Entry::of::<MirrorImageStatusSet>(),
    Entry::of::<MirrorImageStatusRemove>(),
    Entry::of::<MirrorImageStatusGet>(),
    Entry::of::<MirrorImageStatusList>(),
    Entry::of::<MirrorImageStatusRemoveDown>(),
    Entry::of::<MirrorImageInstanceGet>(),
    Entry::of::<MirrorImageInstanceList>(),
];

/// A client as a daemon that said something.
fn instance((client, address): &(ClientId, ClientAddress)) -> EntityInstance {
    let address = EntityAddress::parse(&address.0, AddressKind::Any);
    let name = EntityName::client(client.0);
    EntityInstance { name, address: address.unwrap_or(EntityAddress::BLANK) }
}

fn is_up(object: &dyn ObjectContext, origin: &EntityInstance) -> bool {
    object.watchers().iter().any(|watcher| instance(watcher) == *origin)
}

fn local_key(global_image_id: &str) -> String {
    format!("{STATUS_PREFIX}{global_image_id}")
}

/// This site's word and its author.
fn local(
    object: &mut dyn ObjectContext,
    global_image_id: &str,
) -> Result<Option<MirrorImageSiteStatusOnDisk>, Errno> {
    omap::optional(object, &local_key(global_image_id))
}

/// All words on an image, with who is there still. `ENOENT` when there are none.
pub(super) fn status(
    object: &mut dyn ObjectContext,
    global_image_id: &str,
) -> Result<MirrorImageStatus, Errno> {
    let local = local(object, global_image_id)?.map(|stored| {
        let up = is_up(object, &stored.origin);
        MirrorImageSiteStatus { up, ..stored.status }
    });
    let prefix = remote_status_key(global_image_id, "");
    let mut remote = Vec::new();
    for (mirror_uuid, stored) in omap::list(object, &prefix, "", u64::MAX)? {
        let stored = MirrorImageSiteStatusOnDisk::from_bytes(&stored).map_err(|_| Errno::IO)?;
        let up = is_up(object, &stored.origin);
        remote.push(MirrorImageSiteStatus { mirror_uuid, up, ..stored.status });
    }
    if local.is_none() && remote.is_empty() {
        return Err(Errno::NOENT);
    }
    Ok(MirrorImageStatus { local, remote })
}

/// Whether words on the image are taken down at all.
fn is_enabled(object: &mut dyn ObjectContext, global_image_id: &str) -> bool {
    let Ok(image_id) = omap::value::<String>(object, &global_key(global_image_id)) else {
        return false;
    };
    let image = omap::value::<MirrorImage>(object, &MirrorImage::key(&image_id));
    image.is_ok_and(|image| image.state == MirrorImageState::Enabled)
}

impl Method for MirrorImageStatusSet {
    /// A word on an image that is not mirrored (any more) comes too late and is dropped.
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if !is_enabled(object, &self.global_image_id) {
            return Ok(());
        }
        let site = self.status.mirror_uuid.clone();
        let key = if site.is_empty() {
            local_key(&self.global_image_id)
        } else {
            remote_status_key(&self.global_image_id, &site)
        };
        let status = MirrorImageSiteStatus {
            mirror_uuid: String::new(),
            last_update: now(object),
            up: false,
            ..self.status
        };
        let origin = instance(&object.caller());
        omap::set(object, &key, &MirrorImageSiteStatusOnDisk { origin, status })
    }
}

impl Method for MirrorImageStatusRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let prefix = remote_status_key(&self.global_image_id, "");
        let remote = omap::list(object, &prefix, "", u64::MAX)?;
        let mut keys: Vec<String> =
            remote.into_iter().map(|(site, _)| format!("{prefix}{site}")).collect();
        let key = local_key(&self.global_image_id);
        if omap::contains(object, &key)? {
            keys.push(key);
        }
        keys.iter().try_for_each(|key| omap::remove(object, key))
    }
}

impl Method for MirrorImageStatusGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<MirrorImageStatus, Errno> {
        status(object, &self.global_image_id)
    }
}

impl Method for MirrorImageStatusList {
    /// Images whose words cannot be read are listed without any.
    fn run(self, object: &mut dyn ObjectContext) -> Result<StatusList, Errno> {
        let images: BTreeMap<String, MirrorImage> =
            images(object, &self.after, self.max)?.into_iter().collect();
        let mut statuses = BTreeMap::new();
        for (id, image) in &images {
            if let Ok(status) = status(object, &image.global_image_id) {
                statuses.insert(id.clone(), status);
            }
        }
        Ok((images, statuses))
    }
}

impl Method for MirrorImageStatusRemoveDown {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        for prefix in [STATUS_PREFIX, REMOTE_STATUS_PREFIX] {
            for (name, stored) in omap::list(object, prefix, "", u64::MAX)? {
                let stored =
                    MirrorImageSiteStatusOnDisk::from_bytes(&stored).map_err(|_| Errno::IO)?;
                if !is_up(object, &stored.origin) {
                    omap::remove(object, &format!("{prefix}{name}"))?;
                }
            }
        }
        Ok(())
    }
}

/// Who replays an image here; `ESTALE` when that daemon is gone.
fn daemon(object: &mut dyn ObjectContext, global_image_id: &str) -> Result<EntityInstance, Errno> {
    let stored = local(object, global_image_id)?.ok_or(Errno::NOENT)?;
    if is_up(object, &stored.origin) { Ok(stored.origin) } else { Err(Errno::STALE) }
}

impl Method for MirrorImageInstanceGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<EntityInstance, Errno> {
        daemon(object, &self.global_image_id)
    }
}

impl Method for MirrorImageInstanceList {
    fn run(
        self,
        object: &mut dyn ObjectContext,
    ) -> Result<BTreeMap<String, EntityInstance>, Errno> {
        let mut daemons = BTreeMap::new();
        for (id, image) in images(object, &self.after, u64::MAX)? {
            if daemons.len() as u64 >= self.max {
                break;
            }
            if let Ok(daemon) = daemon(object, &image.global_image_id) {
                daemons.insert(id, daemon);
            }
        }
        Ok(daemons)
    }
}
