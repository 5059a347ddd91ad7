//! The records of a new image of format 2: directory entry, id object, header, striping, object
//! map.

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
use crate::config::Config;
use crate::pool::{image_id, init};

/// Makes the image and answers its id. What fails is taken back.
pub(super) async fn lay_down(
    client: &Client,
    at: &Location,
    name: &str,
    options: &CreateOptions,
    config: &Config,
) -> Result<String, CreateError> {
    let data_pool = find_data_pool(client, at, options, config).await?;
    let plan = plan::plan(options, config, data_pool)?;
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
