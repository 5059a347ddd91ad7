//! What a new image is to be: decided from what was asked and what is configured, purely.

use marcot_format::features::Features;
use marcot_format::object_map::MAX_OBJECT_COUNT;
use marcot_store::PoolId;

use super::{CreateError, CreateOptions};
use crate::config::Config;
use crate::striping::Striping;

/// The layout of a new image, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) size: u64,
    pub(super) features: Features,
    pub(super) striping: Striping,
    pub(super) data_pool: Option<PoolId>,
}

/// Features that follow from something else and are never asked for.
const IMPLICIT: Features = Features::STRIPING
    .union(Features::DATA_POOL)
    .union(Features::FAST_DIFF)
    .union(Features::INTERNAL)
    .union(Features::NON_PRIMARY)
    .union(Features::DIRTY_CACHE);

/// Decides what an image of format 2 is to be.
pub(super) fn plan(
    options: &CreateOptions,
    config: &Config,
    data_pool: Option<PoolId>,
) -> Result<Plan, CreateError> {
    let asked = options.layout.features.unwrap_or(Features::from_bits(config.default_features));
    let unknown = asked.without(Features::ALL);
    if !unknown.is_empty() {
        return Err(CreateError::UnknownFeatures { bits: unknown.bits() });
    }
    let mut features = asked.without(IMPLICIT).without(options.layout.features_clear);
    check_features(features)?;
    let striping = plan_striping(options, config)?;
    if features.contains(Features::OBJECT_MAP) {
        features = features | Features::FAST_DIFF;
        if striping.object_count(options.size) > MAX_OBJECT_COUNT {
            return Err(CreateError::TooLargeForObjectMap);
        }
    }
    if striping.stripe_unit() != striping.object_size() || striping.stripe_count() != 1 {
        features = features | Features::STRIPING;
    }
    if data_pool.is_some() {
        features = features | Features::DATA_POOL;
    }
    Ok(Plan { size: options.size, features, striping, data_pool })
}

fn check_features(features: Features) -> Result<(), CreateError> {
    let locked = features.contains(Features::EXCLUSIVE_LOCK);
    if features.contains(Features::OBJECT_MAP) && !locked {
        return Err(CreateError::NeedsExclusiveLock { feature: "object map" });
    }
    if features.contains(Features::JOURNALING) {
        return Err(match locked {
            false => CreateError::NeedsExclusiveLock { feature: "journaling" },
            true => CreateError::Journaling,
        });
    }
    Ok(())
}

/// How the bytes of a new image lie in objects.
pub(super) fn plan_striping(
    options: &CreateOptions,
    config: &Config,
) -> Result<Striping, CreateError> {
    let order = options.layout.order.unwrap_or(config.default_order);
    let plain = Striping::plain(order).map_err(|_| CreateError::Order)?;
    // As in Ceph, 0 asks for the default too.
    let or_default = |asked: Option<u64>, default| asked.filter(|it| *it > 0).unwrap_or(default);
    let unit = or_default(options.layout.stripe_unit, config.default_stripe_unit);
    let count = or_default(options.layout.stripe_count, config.default_stripe_count);
    match (unit, count) {
        (0, 0) => Ok(plain),
        (0, _) | (_, 0) => Err(CreateError::HalfStriping),
        _ => Striping::new(order, unit, count).map_err(|_| CreateError::StripeUnit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Layout;
    use marcot_store::Errno;

    fn planned(options: CreateOptions) -> Result<(Features, u64, u64), CreateError> {
        let plan = plan(&options, &Config::default(), None)?;
        Ok((plan.features, plan.striping.stripe_unit(), plan.striping.stripe_count()))
    }

    fn laid_out(layout: Layout) -> CreateOptions {
        CreateOptions { size: 10 << 20, layout, ..CreateOptions::default() }
    }

    fn features(bits: Features) -> CreateOptions {
        laid_out(Layout { features: Some(bits), ..Layout::default() })
    }

    fn striped(order: u8, unit: u64, count: u64) -> CreateOptions {
        laid_out(Layout {
            order: Some(order),
            stripe_unit: Some(unit),
            stripe_count: Some(count),
            ..Layout::default()
        })
    }

    #[test]
    fn features_follow_from_others_as_in_ceph() {
        let locked = Features::EXCLUSIVE_LOCK;
        for (asked, gets) in [
            (Features::DEFAULT, Features::DEFAULT),
            (Features::FAST_DIFF, Features::NONE),
            (locked | Features::OBJECT_MAP, locked | Features::OBJECT_MAP | Features::FAST_DIFF),
            (Features::INTERNAL | Features::DATA_POOL | Features::STRIPING, Features::NONE),
        ] {
            assert_eq!(planned(features(asked)).unwrap().0, gets, "{asked:?}");
        }
        for bits in [Features::OBJECT_MAP, Features::JOURNALING] {
            assert_eq!(planned(features(bits)).unwrap_err().errno(), Errno::INVAL);
        }
        let unknown = planned(features(Features::from_bits(1 << 40))).unwrap_err();
        assert_eq!(unknown.errno(), Errno::NOSYS);
    }

    #[test]
    fn layouts_are_checked_as_in_ceph() {
        for (order, unit, count, errno) in [
            (11, 0, 0, Errno::DOM),
            (26, 0, 0, Errno::DOM),
            (22, 65536, 0, Errno::INVAL),
            (22, 0, 2, Errno::INVAL),
            (22, 65537, 2, Errno::INVAL),
            (22, 8 << 20, 2, Errno::INVAL),
        ] {
            let refused = planned(striped(order, unit, count)).unwrap_err();
            assert_eq!(refused.errno(), errno, "{order} {unit} {count}");
        }
        let (bits, unit, count) = planned(striped(22, 65536, 4)).unwrap();
        assert_eq!((unit, count), (65536, 4));
        assert!(bits.contains(Features::STRIPING));
        assert!(!planned(striped(22, 4 << 20, 1)).unwrap().0.contains(Features::STRIPING));
        assert!(planned(striped(22, 65536, 1)).unwrap().0.contains(Features::STRIPING));
    }

    #[test]
    fn an_object_map_bounds_the_size() {
        let mut options = features(Features::DEFAULT);
        options.size = 2 << 60;
        assert_eq!(planned(options.clone()).unwrap_err(), CreateError::TooLargeForObjectMap);
        options.layout.features = Some(Features::LAYERING);
        assert!(planned(options).is_ok());
    }

    #[test]
    fn a_data_pool_is_a_feature() {
        let options = features(Features::LAYERING);
        let planned = |pool| plan(&options, &Config::default(), pool).unwrap().features;
        assert_eq!(planned(None), Features::LAYERING);
        assert!(planned(Some(PoolId(3))).contains(Features::DATA_POOL));
    }

    #[test]
    fn half_a_striping_is_completed_by_the_configuration() {
        let config =
            Config { default_stripe_unit: 65536, default_stripe_count: 2, ..Config::default() };
        let of = |unit, count| {
            let layout = Layout { stripe_unit: unit, stripe_count: count, ..Layout::default() };
            let striping = plan(&laid_out(layout), &config, None).unwrap().striping;
            (striping.stripe_unit(), striping.stripe_count())
        };
        assert_eq!(of(None, None), (65536, 2));
        assert_eq!(of(None, Some(4)), (65536, 4));
        assert_eq!(of(Some(4096), Some(0)), (4096, 2));
    }
}
