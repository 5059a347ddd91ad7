//! The records of a new image of format 2: directory entry, id object, header, striping, object
//! map.

use futures_util::future::{join, join_all};
use marcot_format::call::directory::{DirAddImage, DirRemoveImage, DirStateAssert};
use marcot_format::call::header::{Create, SetStripeUnitCount};
use marcot_format::call::id::SetId;
use marcot_format::call::object_map::ObjectMapResize;
use marcot_format::directory::DirectoryState;
use marcot_format::features::Features;
use marcot_format::object_map::ObjectState;
use marcot_format::object_name;
use marcot_format::wire::Trailing;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, ObjectId, WriteOp, WriteStep};

use super::plan::Plan;
use super::{CreateError, CreateOptions, find_data_pool, plan};
use crate::class_call::{CallError, exec};
use crate::client::{Client, Location};
use crate::pool::image_id;
use crate::pool::init::Readiness;

/// Makes the image and answers its id. `more` yields what else its header is to say; it is asked for
/// meanwhile. What fails is taken back.
///
/// The name comes first: whatever a dead process left is found, and removed, by it. Then come the
/// objects, then what only a header that exists can be told.
pub(super) async fn lay_down(
    client: &Client,
    at: &Location,
    name: &str,
    (options, pool): (&CreateOptions, &Readiness),
    more: impl Future<Output = Result<Vec<WriteStep>, CallError>>,
) -> Result<String, CreateError> {
    let data_pool = find_data_pool(client, at, options, &pool.config).await?;
    let plan = plan::plan(options, &pool.config, data_pool)?;
    match plan.data_pool {
        Some(data_pool) => Readiness::read(client, data_pool).await?.validate(client).await?,
        None => pool.validate(client).await?,
    }
    let id = image_id::generate(client);
    let name_step = directory_step(at, name, &id);
    let (named, more) = join(run(client, &name_step), more).await;
    named.map_err(|error| match error.errno() {
        Errno::EXIST => CreateError::Exists { name: name.to_owned() },
        _ => error.into(),
    })?;
    let mut done = vec![name_step];
    match build(client, objects(at, name, &id, &plan), header_rest(at, &id, &plan, more), &mut done)
        .await
    {
        Ok(()) => Ok(id),
        Err(error) => {
            undo(client, &done).await;
            Err(error.into())
        }
    }
}

/// Makes the objects, then tells the header the rest; what has to be taken back goes into `done`.
async fn build(
    client: &Client,
    objects: Vec<Step>,
    rest: Result<Option<Step>, CallError>,
    done: &mut Vec<Step>,
) -> Result<(), CallError> {
    let rest = rest?;
    let outcomes = join_all(objects.iter().map(|step| run(client, step))).await;
    let mut all = Ok(());
    for (step, outcome) in objects.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => done.push(step),
            Err(error) => all = all.and(Err(error)),
        }
    }
    all?;
    match rest {
        Some(step) => run(client, &step).await,
        None => Ok(()),
    }
}

/// One operation on one object, and what takes it back.
struct Step {
    object: ObjectId,
    run: Vec<WriteStep>,
    undo: Vec<WriteStep>,
}

/// The objects of a new image. None needs another one.
fn objects(at: &Location, name: &str, id: &str, plan: &Plan) -> Vec<Step> {
    let remove = || vec![WriteStep::Remove];
    let mut steps = vec![
        Step {
            object: at.object(object_name::id(name)),
            run: vec![
                WriteStep::Create(CreateMode::Exclusive),
                exec(&SetId { image_id: id.to_owned() }),
            ],
            undo: remove(),
        },
        Step {
            object: at.object(object_name::header(id)),
            run: vec![WriteStep::Create(CreateMode::Exclusive), exec(&header_call(at, id, plan))],
            undo: remove(),
        },
    ];
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

/// What only a header that exists can be told: `more`, after the striping. It goes with the header.
fn header_rest(
    at: &Location,
    id: &str,
    plan: &Plan,
    more: Result<Vec<WriteStep>, CallError>,
) -> Result<Option<Step>, CallError> {
    let mut run = Vec::new();
    if plan.features.contains(Features::STRIPING) {
        run.push(exec(&SetStripeUnitCount {
            stripe_unit: plan.striping.stripe_unit(),
            stripe_count: plan.striping.stripe_count(),
        }));
    }
    run.extend(more?);
    let object = at.object(object_name::header(id));
    Ok((!run.is_empty()).then_some(Step { object, run, undo: Vec::new() }))
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
