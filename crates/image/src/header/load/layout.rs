//! Where an image's data objects are, as far as its header says so with certain features only.

use marcot_format::call::header::{GetDataPool, GetStripeUnitCount};
use marcot_format::features::Features;
use marcot_store::{PoolId, ReadStep};

use crate::class_call::{Answers, CallError, query};
use crate::striping::{Striping, StripingError};

/// What a header says beside its order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StoredLayout {
    /// Unit and count; 0 where there are none.
    stripes: (u64, u64),
    /// None for the header's own.
    data_pool: Option<PoolId>,
}

impl StoredLayout {
    /// What to ask a header with these features; often nothing.
    pub(crate) fn steps(features: Features) -> Vec<ReadStep> {
        let mut steps = Vec::new();
        if features.contains(Features::STRIPING) {
            steps.push(query(&GetStripeUnitCount {}));
        }
        if features.contains(Features::DATA_POOL) {
            steps.push(query(&GetDataPool {}));
        }
        steps
    }

    /// The answers to [`StoredLayout::steps`].
    pub(crate) fn answered(
        features: Features,
        answers: &mut Answers,
    ) -> Result<StoredLayout, CallError> {
        let mut layout = StoredLayout::default();
        if features.contains(Features::STRIPING) {
            layout.stripes = answers.answer::<GetStripeUnitCount>()?;
        }
        if features.contains(Features::DATA_POOL) {
            layout.data_pool = Some(PoolId(answers.answer::<GetDataPool>()?));
        }
        Ok(layout)
    }

    pub(crate) fn striping(&self, order: u8) -> Result<Striping, StripingError> {
        let (unit, count) = self.stripes;
        Striping::new(order, unit, count)
    }

    /// The pool of the data of an image whose header is in `own`.
    pub(crate) fn data_pool(&self, own: PoolId) -> PoolId {
        self.data_pool.unwrap_or(own)
    }
}
