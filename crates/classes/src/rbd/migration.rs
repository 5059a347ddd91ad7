//! An image on its way to another place.

use marcot_format::call::migration::{
    MigrationGet, MigrationRemove, MigrationSet, MigrationSetState,
};
use marcot_format::features::Features;
use marcot_format::format_1::{MIGRATING_TEXT, TEXT};
use marcot_format::header::{FEATURES, MIGRATION};
use marcot_format::migration::MigrationSpec;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<MigrationSet>(),
    Entry::of::<MigrationSetState>(),
    Entry::of::<MigrationGet>(),
    Entry::of::<MigrationRemove>(),
];

/// How a header tells clients that the image is on its way.
enum Header {
    /// A bit of its features.
    Features(Features),
    /// The text that it begins with, in format 1.
    Text { migrating: bool },
}

impl Header {
    /// `ENXIO` when the object is no header.
    fn of(object: &mut dyn ObjectContext) -> Result<Header, Errno> {
        if let Some(features) = omap::optional(object, FEATURES)? {
            return Ok(Header::Features(features));
        }
        let begin = match object.read(0, TEXT.len() as u64) {
            Err(Errno::NOENT) => return Err(Errno::NXIO),
            begin => begin?,
        };
        match &begin[..] {
            TEXT => Ok(Header::Text { migrating: false }),
            MIGRATING_TEXT => Ok(Header::Text { migrating: true }),
            _ => Err(Errno::NXIO),
        }
    }

    /// Tells clients whether the image is on its way.
    fn mark(&self, object: &mut dyn ObjectContext, migrating: bool) -> Result<(), Errno> {
        match self {
            Header::Features(features) => {
                let wanted = if migrating { Features::MIGRATING } else { Features::NONE };
                let changed = features.replaced(wanted, Features::MIGRATING);
                if changed == *features { Ok(()) } else { omap::set(object, FEATURES, &changed) }
            }
            Header::Text { migrating: now } if *now == migrating => Ok(()),
            Header::Text { .. } => object.write(0, if migrating { MIGRATING_TEXT } else { TEXT }),
        }
    }
}

/// The stored spec; `EINVAL` when there is none.
fn stored(object: &mut dyn ObjectContext) -> Result<MigrationSpec, Errno> {
    omap::optional(object, MIGRATION)?.ok_or(Errno::INVAL)
}

impl Method for MigrationSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let header = Header::of(object)?;
        if omap::contains(object, MIGRATION)? {
            return Err(Errno::EXIST);
        }
        header.mark(object, true)?;
        omap::set(object, MIGRATION, &self.spec)
    }
}

impl Method for MigrationSetState {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        Header::of(object)?;
        let mut spec = stored(object)?;
        spec.state = self.state;
        spec.state_description = self.description;
        omap::set(object, MIGRATION, &spec)
    }
}

impl Method for MigrationGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<MigrationSpec, Errno> {
        Header::of(object)?;
        stored(object)
    }
}

impl Method for MigrationRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        Header::of(object)?.mark(object, false)?;
        omap::remove(object, MIGRATION)
    }
}
