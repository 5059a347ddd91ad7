//! Creating an image: directory entry, id object, header, striping, object map.

use marcot_format::call::directory::{DirAddImage, DirRemoveImage, DirStateAssert};
use marcot_format::call::header::{Create, SetStripeUnitCount};
use marcot_format::call::id::SetId;
use marcot_format::call::object_map::ObjectMapResize;
use marcot_format::directory::DirectoryState;
use marcot_format::features::Features;
use marcot_format::object_map::{MAX_OBJECT_COUNT, ObjectState};
use marcot_format::object_name;
use marcot_format::wire::Trailing;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, ObjectId, PoolId, ReadOp, ReadStep, SnapId, WriteOp, WriteStep};

use crate::class_call::{CallError, exec};
use crate::client::{Client, Location};
use crate::config::{Config, overrides};
use crate::pool::{image_id, init};
use crate::striping::Striping;

/// What a new image is to be. What is left out comes from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// In bytes.
    pub size: u64,
    /// Objects are of two to the power of this many bytes.
    pub order: Option<u8>,
    pub features: Option<Features>,
    /// Features that it is not to have, wherever they come from.
    pub features_clear: Features,
    /// In bytes; goes with `stripe_count`.
    pub stripe_unit: Option<u64>,
    pub stripe_count: Option<u64>,
    /// The name of the pool where data objects go; empty, or the header's own, for beside it.
    pub data_pool: Option<String>,
}

/// Why an image was not created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    #[error("an image needs a name")]
    NoName,
    #[error("rbd image {name} already exists")]
    Exists { name: String },
    #[error("order must be in the range [12, 25]")]
    Order,
    #[error("must specify both (or neither) of stripe-unit and stripe-count")]
    HalfStriping,
    #[error("stripe unit is not a factor of the object size")]
    StripeUnit,
    #[error("cannot use {feature} without exclusive lock")]
    NeedsExclusiveLock { feature: &'static str },
    #[error("unknown feature bits {bits:#x}")]
    UnknownFeatures { bits: u64 },
    #[error("journaling is not supported")]
    Journaling,
    #[error("image size not compatible with object map")]
    TooLargeForObjectMap,
    #[error("data pool {pool} does not exist")]
    NoDataPool { pool: String },
    #[error(transparent)]
    Call(#[from] CallError),
}

impl CreateError {
    pub fn errno(&self) -> Errno {
        match self {
            CreateError::Exists { .. } => Errno::EXIST,
            CreateError::Order => Errno::DOM,
            CreateError::NoName
            | CreateError::HalfStriping
            | CreateError::StripeUnit
            | CreateError::NeedsExclusiveLock { .. }
            | CreateError::TooLargeForObjectMap => Errno::INVAL,
            CreateError::UnknownFeatures { .. } => Errno::NOSYS,
            CreateError::Journaling => Errno::OPNOTSUPP,
            CreateError::NoDataPool { .. } => Errno::NOENT,
            CreateError::Call(error) => error.errno(),
        }
    }
}

/// Creates an image and answers its id.
pub async fn create(
    client: &Client,
    at: &Location,
    name: &str,
    options: &CreateOptions,
) -> Result<String, CreateError> {
    let id = create_unflushed(client, at, name, options).await?;
    client.store.flush().await.map_err(CallError::from)?;
    Ok(id)
}

/// [`create`], durable with the next flush.
pub(crate) async fn create_unflushed(
    client: &Client,
    at: &Location,
    name: &str,
    options: &CreateOptions,
) -> Result<String, CreateError> {
    if name.is_empty() {
        return Err(CreateError::NoName);
    }
    if exists(client, at, name).await? {
        return Err(CreateError::Exists { name: name.to_owned() });
    }
    lay_down(client, at, name, options).await
}

/// The work of [`create`]. As for Ceph's clones, options that cannot be are told before a name
/// that is taken.
pub(crate) async fn lay_down(
    client: &Client,
    at: &Location,
    name: &str,
    options: &CreateOptions,
) -> Result<String, CreateError> {
    let config = overrides::pool_config(client, at.pool).await?;
    let data_pool = find_data_pool(client, at, options, &config).await?;
    let plan = plan(options, &config, data_pool)?;
    init::validate(client, plan.data_pool.unwrap_or(at.pool)).await?;
    let id = image_id::generate(client);
    let steps = steps(at, name, &id, &plan);
    for (done, step) in steps.iter().enumerate() {
        if let Err(error) = run(client, step).await {
            undo(client, steps.get(..done).unwrap_or_default()).await;
            return Err(match error.errno() {
                Errno::EXIST if done == 0 => CreateError::Exists { name: name.to_owned() },
                _ => error.into(),
            });
        }
    }
    Ok(id)
}

/// The pool for the data; `None` for the header's own.
async fn find_data_pool(
    client: &Client,
    at: &Location,
    options: &CreateOptions,
    config: &Config,
) -> Result<Option<PoolId>, CreateError> {
    let name = options.data_pool.as_ref().unwrap_or(&config.default_data_pool);
    if name.is_empty() {
        return Ok(None);
    }
    let pools = client.store.list_pools().await.map_err(CallError::from)?;
    let found = pools.into_iter().find(|pool| pool.name == *name);
    let pool = found.ok_or_else(|| CreateError::NoDataPool { pool: name.clone() })?;
    Ok((pool.id != at.pool).then_some(pool.id))
}

/// The layout of a new image, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    size: u64,
    features: Features,
    striping: Striping,
    data_pool: Option<PoolId>,
}

/// Features that follow from something else and are never asked for.
const IMPLICIT: Features = Features::STRIPING
    .union(Features::DATA_POOL)
    .union(Features::FAST_DIFF)
    .union(Features::INTERNAL)
    .union(Features::NON_PRIMARY)
    .union(Features::DIRTY_CACHE);

fn plan(
    options: &CreateOptions,
    config: &Config,
    data_pool: Option<PoolId>,
) -> Result<Plan, CreateError> {
    let asked = options.features.unwrap_or(Features::from_bits(config.default_features));
    let unknown = asked.without(Features::ALL);
    if !unknown.is_empty() {
        return Err(CreateError::UnknownFeatures { bits: unknown.bits() });
    }
    let mut features = asked.without(IMPLICIT).without(options.features_clear);
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

fn plan_striping(options: &CreateOptions, config: &Config) -> Result<Striping, CreateError> {
    let order = options.order.unwrap_or(config.default_order);
    let plain = Striping::plain(order).map_err(|_| CreateError::Order)?;
    // As in Ceph, 0 asks for the default too.
    let or_default = |asked: Option<u64>, default| asked.filter(|it| *it > 0).unwrap_or(default);
    let unit = or_default(options.stripe_unit, config.default_stripe_unit);
    let count = or_default(options.stripe_count, config.default_stripe_count);
    match (unit, count) {
        (0, 0) => Ok(plain),
        (0, _) | (_, 0) => Err(CreateError::HalfStriping),
        _ => Striping::new(order, unit, count).map_err(|_| CreateError::StripeUnit),
    }
}

/// The stripe unit and count of an image that is made like another. The other's, also with
/// another object size, unless one of the two was asked for: then the configuration completes it.
pub(crate) fn inherited_stripes(
    from: &Striping,
    unit: Option<u64>,
    count: Option<u64>,
) -> (Option<u64>, Option<u64>) {
    match (unit, count) {
        (None, None) => (Some(from.stripe_unit()), Some(from.stripe_count())),
        asked => asked,
    }
}

/// One operation on one object, and what takes it back.
struct Step {
    object: ObjectId,
    run: Vec<WriteStep>,
    undo: Vec<WriteStep>,
}

fn steps(at: &Location, name: &str, id: &str, plan: &Plan) -> Vec<Step> {
    let header = at.object(object_name::header(id));
    let remove = || vec![WriteStep::Remove];
    let mut steps = vec![
        directory_step(at, name, id),
        Step {
            object: at.object(object_name::id(name)),
            run: vec![
                WriteStep::Create(CreateMode::Exclusive),
                exec(&SetId { image_id: id.to_owned() }),
            ],
            undo: remove(),
        },
        Step {
            object: header.clone(),
            run: vec![WriteStep::Create(CreateMode::Exclusive), exec(&header_call(at, id, plan))],
            undo: remove(),
        },
    ];
    if plan.features.contains(Features::STRIPING) {
        let call = SetStripeUnitCount {
            stripe_unit: plan.striping.stripe_unit(),
            stripe_count: plan.striping.stripe_count(),
        };
        steps.push(Step { object: header, run: vec![exec(&call)], undo: Vec::new() });
    }
    if plan.features.contains(Features::OBJECT_MAP) {
        let call = ObjectMapResize {
            object_count: plan.striping.object_count(plan.size),
            state: ObjectState::Nonexistent,
        };
        steps.push(Step {
            object: at.object(object_name::object_map(id)),
            run: vec![exec(&call)],
            undo: remove(),
        });
    }
    steps
}

fn directory_step(at: &Location, name: &str, id: &str) -> Step {
    let (name, image_id) = (name.to_owned(), id.to_owned());
    let mut run = Vec::new();
    if !at.namespace.is_empty() {
        // A namespace that is being removed takes no images.
        run.push(exec(&DirStateAssert { state: DirectoryState::Ready }));
    }
    run.push(exec(&DirAddImage { name: name.clone(), image_id: image_id.clone() }));
    Step {
        object: at.object(object_name::DIRECTORY),
        run,
        undo: vec![exec(&DirRemoveImage { name, image_id })],
    }
}

fn header_call(at: &Location, id: &str, plan: &Plan) -> Create {
    let object_prefix = match plan.data_pool {
        Some(_) => object_name::data_prefix_in_data_pool(at.pool.0, id),
        None => object_name::data_prefix(id),
    };
    Create {
        size: plan.size,
        order: plan.striping.order(),
        features: plan.features,
        object_prefix,
        data_pool: Trailing(plan.data_pool.map(|pool| pool.0)),
    }
}

async fn run(client: &Client, step: &Step) -> Result<(), CallError> {
    client.store.write(&step.object, WriteOp::new(step.run.clone()).ordered()).await?;
    Ok(())
}

async fn undo(client: &Client, steps: &[Step]) {
    for step in steps.iter().rev().filter(|step| !step.undo.is_empty()) {
        // The error that made us turn back is the one to report.
        let _ = client.store.write(&step.object, WriteOp::new(step.undo.clone()).ordered()).await;
    }
    let _ = client.store.flush().await;
}

/// Whether the name is taken, by an image of either format.
pub(crate) async fn exists(client: &Client, at: &Location, name: &str) -> Result<bool, CallError> {
    for object in [object_name::format_1_header(name), object_name::id(name)] {
        let stat = ReadOp::single(ReadStep::Stat);
        match client.store.read(&at.object(object), SnapId::HEAD, stat).await {
            Ok(_) => return Ok(true),
            Err(error) if error.errno == Errno::NOENT => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(options: CreateOptions) -> Result<(Features, u64, u64), CreateError> {
        let plan = plan(&options, &Config::default(), None)?;
        Ok((plan.features, plan.striping.stripe_unit(), plan.striping.stripe_count()))
    }

    fn features(bits: Features) -> CreateOptions {
        CreateOptions { size: 10 << 20, features: Some(bits), ..CreateOptions::default() }
    }

    fn striped(order: u8, unit: u64, count: u64) -> CreateOptions {
        CreateOptions {
            size: 10 << 20,
            order: Some(order),
            stripe_unit: Some(unit),
            stripe_count: Some(count),
            ..CreateOptions::default()
        }
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
        options.features = Some(Features::LAYERING);
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
            let options = CreateOptions {
                stripe_unit: unit,
                stripe_count: count,
                ..CreateOptions::default()
            };
            let striping = plan(&options, &config, None).unwrap().striping;
            (striping.stripe_unit(), striping.stripe_count())
        };
        assert_eq!(of(None, None), (65536, 2));
        assert_eq!(of(None, Some(4)), (65536, 4));
        assert_eq!(of(Some(4096), Some(0)), (4096, 2));
    }
}
