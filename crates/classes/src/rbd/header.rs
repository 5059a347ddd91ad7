//! Creation, size, features, layout and times of an image.

use marcot_format::call::header::{
    Create, GetAccessTimestamp, GetAllFeatures, GetCreateTimestamp, GetDataPool, GetFeatures,
    GetModifyTimestamp, GetObjectPrefix, GetSize, GetStripeUnitCount, SetAccessTimestamp,
    SetFeatures, SetModifyTimestamp, SetSize, SetStripeUnitCount,
};
use marcot_format::features::Features;
use marcot_format::header::{
    ACCESS_TIMESTAMP, CREATE_TIMESTAMP, DATA_POOL_ID, FEATURES, MODIFY_TIMESTAMP, OBJECT_PREFIX,
    ORDER, PARENT, SIZE, SNAP_SEQ, STRIPE_COUNT, STRIPE_UNIT,
};
use marcot_format::parent::Parent;
use marcot_format::{NO_SNAP, Utime};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::snapshot_list::snapshot;
use super::{now, require_feature};
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 15] = [
    Entry::of::<Create>(),
    Entry::of::<GetSize>(),
    Entry::of::<SetSize>(),
    Entry::of::<GetFeatures>(),
    Entry::of::<SetFeatures>(),
    Entry::of::<GetAllFeatures>(),
    Entry::of::<GetObjectPrefix>(),
    Entry::of::<GetDataPool>(),
    Entry::of::<GetStripeUnitCount>(),
    Entry::of::<SetStripeUnitCount>(),
    Entry::of::<GetCreateTimestamp>(),
    Entry::of::<GetAccessTimestamp>(),
    Entry::of::<GetModifyTimestamp>(),
    Entry::of::<SetAccessTimestamp>(),
    Entry::of::<SetModifyTimestamp>(),
];

impl Method for Create {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if !Features::ALL.contains(self.features) {
            return Err(Errno::NOSYS);
        }
        if self.object_prefix.is_empty() {
            return Err(Errno::INVAL);
        }
        if omap::contains(object, OBJECT_PREFIX)? {
            return Err(Errno::EXIST);
        }
        let now = now(object);
        let mut pairs = vec![
            omap::pair(SIZE, &self.size),
            omap::pair(ORDER, &self.order),
            omap::pair(FEATURES, &self.features),
            omap::pair(OBJECT_PREFIX, &self.object_prefix),
            omap::pair(SNAP_SEQ, &0u64),
            omap::pair(CREATE_TIMESTAMP, &now),
            omap::pair(ACCESS_TIMESTAMP, &now),
            omap::pair(MODIFY_TIMESTAMP, &now),
        ];
        let data_pool = self.data_pool.0.filter(|pool| *pool != -1);
        match (self.features.contains(Features::DATA_POOL), data_pool) {
            (false, None) => {}
            (true, Some(pool)) => pairs.push(omap::pair(DATA_POOL_ID, &pool)),
            (true, None) | (false, Some(_)) => return Err(Errno::INVAL),
        }
        object.omap_set(pairs)
    }
}

impl Method for GetSize {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(u8, u64), Errno> {
        let order = omap::value(object, ORDER)?;
        let size = match self.snap_id {
            NO_SNAP => omap::value(object, SIZE)?,
            snap_id => snapshot(object, snap_id)?.image_size,
        };
        Ok((order, size))
    }
}

impl Method for SetSize {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let before: u64 = omap::value(object, SIZE)?;
        omap::set(object, SIZE, &self.size)?;
        if self.size >= before {
            return Ok(());
        }
        if let Some(mut parent) = omap::optional::<Parent>(object, PARENT)?
            && parent.exists()
            && parent.head_overlap.is_some_and(|overlap| overlap > self.size)
        {
            parent.head_overlap = Some(self.size);
            omap::set(object, PARENT, &parent)?;
        }
        Ok(())
    }
}

impl Method for GetFeatures {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(Features, Features), Errno> {
        // Snapshots have had no features of their own for long; the id is ignored.
        let features: Features = omap::value(object, FEATURES)?;
        let incompatible =
            if self.read_only { Features::READ_INCOMPATIBLE } else { Features::WRITE_INCOMPATIBLE };
        Ok((features, features & incompatible))
    }
}

impl Method for SetFeatures {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.mask.intersects(Features::INTERNAL) {
            return Err(Errno::INVAL);
        }
        // A newer client may mask off what nobody here knows.
        let mask = self.mask & Features::ALL;
        let enabled = self.features & mask;
        let disabled = mask.without(self.features);
        if !Features::MUTABLE.contains(enabled)
            || !(Features::MUTABLE | Features::DISABLE_ONLY).contains(disabled)
        {
            return Err(Errno::INVAL);
        }
        let before: Features = omap::optional(object, FEATURES)?.unwrap_or_default();
        omap::set(object, FEATURES, &before.replaced(self.features, mask))
    }
}

impl Method for GetAllFeatures {
    fn run(self, _object: &mut dyn ObjectContext) -> Result<Features, Errno> {
        Ok(Features::ALL)
    }
}

impl Method for GetObjectPrefix {
    fn run(self, object: &mut dyn ObjectContext) -> Result<String, Errno> {
        omap::value(object, OBJECT_PREFIX)
    }
}

impl Method for GetDataPool {
    fn run(self, object: &mut dyn ObjectContext) -> Result<i64, Errno> {
        Ok(omap::optional(object, DATA_POOL_ID)?.unwrap_or(-1))
    }
}

impl Method for GetStripeUnitCount {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(u64, u64), Errno> {
        require_feature(object, Features::STRIPING)?;
        let stripe_unit = match omap::optional(object, STRIPE_UNIT)? {
            Some(stored) => stored,
            None => object_size(object)?,
        };
        Ok((stripe_unit, omap::optional(object, STRIPE_COUNT)?.unwrap_or(1)))
    }
}

impl Method for SetStripeUnitCount {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        require_feature(object, Features::STRIPING)?;
        let object_size = object_size(object)?;
        if self.stripe_unit == 0
            || self.stripe_count == 0
            || !object_size.is_multiple_of(self.stripe_unit)
        {
            return Err(Errno::INVAL);
        }
        object.omap_set(vec![
            omap::pair(STRIPE_UNIT, &self.stripe_unit),
            omap::pair(STRIPE_COUNT, &self.stripe_count),
        ])
    }
}

/// The size of data objects in bytes.
fn object_size(object: &mut dyn ObjectContext) -> Result<u64, Errno> {
    let order: u8 = omap::value(object, ORDER)?;
    1u64.checked_shl(u32::from(order)).ok_or(Errno::IO)
}

/// A time that images of old releases do not have.
fn timestamp(object: &mut dyn ObjectContext, key: &str) -> Result<Utime, Errno> {
    Ok(omap::optional(object, key)?.unwrap_or_default())
}

impl Method for GetCreateTimestamp {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Utime, Errno> {
        timestamp(object, CREATE_TIMESTAMP)
    }
}

impl Method for GetAccessTimestamp {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Utime, Errno> {
        timestamp(object, ACCESS_TIMESTAMP)
    }
}

impl Method for GetModifyTimestamp {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Utime, Errno> {
        timestamp(object, MODIFY_TIMESTAMP)
    }
}

impl Method for SetAccessTimestamp {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        object.stat()?;
        let now = now(object);
        omap::set(object, ACCESS_TIMESTAMP, &now)
    }
}

impl Method for SetModifyTimestamp {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        object.stat()?;
        let now = now(object);
        omap::set(object, MODIFY_TIMESTAMP, &now)
    }
}
