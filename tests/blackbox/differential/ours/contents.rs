//! What our images hold, in sums.

use std::collections::BTreeMap;

use marcot_image::pool::{directory, namespace};
use marcot_image::{Access, Image, Location, SnapKey};
use marcot_store::Errno;
use marcot_testkit::adler32;
use pollster::block_on;

use super::Ours;

impl Ours {
    /// Sums of the bytes of every image and snapshot.
    pub(crate) fn contents(&self) -> BTreeMap<String, u32> {
        block_on(self.sums()).expect("contents")
    }

    /// The same of these images alone.
    pub(crate) fn contents_of(&self, images: &[String]) -> BTreeMap<String, u32> {
        let mut sums = BTreeMap::new();
        for image in images {
            block_on(self.sums_of(image, &mut sums)).expect("contents");
        }
        sums
    }

    async fn sums(&self) -> Result<BTreeMap<String, u32>, Errno> {
        let mut sums = BTreeMap::new();
        for image in self.images().await? {
            self.sums_of(&image, &mut sums).await?;
        }
        Ok(sums)
    }

    pub(super) async fn images(&self) -> Result<Vec<String>, Errno> {
        let mut specs = Vec::new();
        for (letter, (pool, _)) in &self.pools {
            let spaces = namespace::list(&self.client, *pool).await.map_err(|e| e.errno())?;
            for space in [String::new()].into_iter().chain(spaces) {
                let at = Location::new(*pool, space.as_str());
                let images = directory::list(&self.client, &at).await.map_err(|e| e.errno())?;
                let slash = if space.is_empty() { "" } else { "/" };
                let spec = |name| format!("{letter}/{space}{slash}{name}");
                specs.extend(images.into_iter().map(|image| spec(image.name)));
            }
        }
        Ok(specs)
    }

    async fn sums_of(&self, spec: &str, sums: &mut BTreeMap<String, u32>) -> Result<(), Errno> {
        let whole = async |image: &Image| {
            let bytes = image.read(0, image.view().size).await.map_err(|error| error.errno())?;
            Ok((adler32(&bytes), image.header()))
        };
        let (head, header) = self.with_snap(spec, SnapKey::Head, Access::ReadOnly, whole).await?;
        sums.insert(spec.to_owned(), head);
        for snapshot in &header.snapshots {
            let labelled = async |image: &Image| {
                Ok((whole(image).await?.0, self.label(image, snapshot).await?))
            };
            let at = SnapKey::Id(snapshot.id);
            let (found, name) = self.with_snap(spec, at, Access::ReadOnly, labelled).await?;
            sums.insert(format!("{spec}@{name}"), found);
        }
        Ok(())
    }
}
