//! Everything but the bytes of an image, as our library sees it; `judge.py` asks librbd the same.

use std::collections::BTreeMap;

use marcot_format::features::Features;
use marcot_format::snapshot::ProtectionStatus;
use marcot_image::operation::{children, image_meta};
use marcot_image::{Access, Image, SnapKey};
use marcot_store::{Errno, SnapId};
use pollster::block_on;
use serde_json::{Value, json};

use crate::differential::Ours;

/// The shapes of these images, by their names.
pub(super) fn of<'a>(
    ours: &Ours,
    images: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<String, Value>, String> {
    let mut shapes = BTreeMap::new();
    for spec in images {
        let look = async |image: &Image| shape(ours, image).await;
        let seen = block_on(ours.with_snap(spec, SnapKey::Head, Access::ReadOnly, look));
        shapes.insert(spec.clone(), seen.map_err(|errno| format!("{spec}: {errno}"))?);
    }
    Ok(shapes)
}

async fn shape(ours: &Ours, image: &Image) -> Result<Value, Errno> {
    let header = image.header();
    let view = header.view(SnapId::HEAD).ok_or(Errno::NOENT)?;
    let mut snaps = Vec::new();
    for snap in header.snapshots.iter().rev() {
        let label = ours.label(image, snap).await?;
        let protected = snap.protection == ProtectionStatus::Protected;
        snaps.push(json!([snap.id.0, label, snap.size, protected, snap.flags.bits()]));
    }
    let meta = image_meta::list(image).await.map_err(|error| error.errno())?;
    let meta: BTreeMap<String, String> = meta
        .into_iter()
        .map(|(key, value)| (key, String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let striped = header.features.contains(Features::STRIPING);
    let object = 1 << header.striping.order();
    Ok(json!({
        "id": &*header.id,
        "size": header.size,
        "order": header.striping.order(),
        "prefix": &*header.object_prefix,
        "features": header.features.bits(),
        "op_features": header.op_features.bits(),
        "flags": header.flags.bits(),
        "stripe": match striped {
            true => [header.striping.stripe_unit(), header.striping.stripe_count()],
            false => [object, 1],
        },
        "data_pool": header.data_pool.0,
        "parent": header.parent.as_ref().and_then(|parent| {
            parent.overlap.map(|_| json!([parent.spec.image_id, view.parent_overlap]))
        }),
        "snaps": snaps,
        "children": clones(image).await?,
        "meta": meta,
        "watchers": watchers(image).await?,
    }))
}

async fn clones(image: &Image) -> Result<Value, Errno> {
    let found = children(image).await.map_err(|error| error.errno())?;
    let mut clones: Vec<_> = found
        .into_iter()
        .map(|child| {
            let namespace = child.location.namespace.to_string();
            (child.pool_name, namespace, child.name, child.id, child.in_trash)
        })
        .collect();
    clones.sort();
    Ok(json!(clones))
}

async fn watchers(image: &Image) -> Result<Value, Errno> {
    let found = image.client().store.list_watchers(image.header_object()).await;
    let found = found.map_err(|error| error.errno)?;
    let mut watchers: Vec<_> = found
        .into_iter()
        .map(|watcher| (watcher.address.0, watcher.client.0, watcher.handle.0))
        .collect();
    watchers.sort();
    Ok(json!(watchers))
}
