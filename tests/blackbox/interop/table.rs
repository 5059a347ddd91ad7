//! Feature sets, and what lines of `steps` are for each of them.

/// A kind of image.
pub(super) struct FeatureSet {
    pub(super) name: &'static str,
    /// Options of whatever makes an image; `{data}` is the data pool.
    pub(super) layout: &'static str,
    /// What lines are for it.
    pub(super) lines: &'static [Needs],
    pub(super) namespace: Option<&'static str>,
    pub(super) data_pool: DataPool,
    pub(super) changes: Changes,
    pub(super) texts: Texts,
}

/// Which of the commands' texts are compared after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    All,
    /// One after the other, of one image.
    InTurn,
}

/// Who may change images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changes {
    ByBoth,
    /// We show them, and refuse what would have to be written into their journals.
    ByCeph,
}

/// What kind the pool is that is made for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataPool {
    Replicated,
    ErasureCoded,
}

pub(super) const DEFAULT: FeatureSet = FeatureSet {
    name: "default",
    layout: "",
    lines: &[Needs::Nothing, Needs::Format2, Needs::ObjectMap],
    namespace: None,
    data_pool: DataPool::Replicated,
    changes: Changes::ByBoth,
    texts: Texts::All,
};

const ANOTHER: FeatureSet = FeatureSet { texts: Texts::InTurn, ..DEFAULT };

pub(super) const LAYERING_ONLY: FeatureSet = FeatureSet {
    name: "layering only",
    layout: "--image-feature layering",
    lines: &[Needs::Nothing, Needs::Format2],
    ..ANOTHER
};

pub(super) const STRIPING: FeatureSet =
    FeatureSet { name: "striping", layout: "--stripe-unit 65536 --stripe-count 3", ..ANOTHER };

pub(super) const REPLICATED_DATA_POOL: FeatureSet =
    FeatureSet { name: "data pool", layout: "--data-pool {data}", ..ANOTHER };

pub(super) const ERASURE_CODED_DATA_POOL: FeatureSet = FeatureSet {
    name: "erasure-coded data pool",
    data_pool: DataPool::ErasureCoded,
    ..REPLICATED_DATA_POOL
};

pub(super) const NAMESPACE: FeatureSet =
    FeatureSet { name: "namespace", namespace: Some("space"), ..ANOTHER };

pub(super) const JOURNALING: FeatureSet = FeatureSet {
    name: "journaling",
    layout: "--image-feature layering,exclusive-lock,object-map,fast-diff,deep-flatten,journaling",
    changes: Changes::ByCeph,
    ..ANOTHER
};

pub(super) const FORMAT_1: FeatureSet = FeatureSet {
    name: "format 1",
    layout: "--image-format 1",
    lines: &[Needs::Nothing, Needs::Format1],
    ..ANOTHER
};

/// What a line does to the bytes of images and snapshots.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// Of so many zeros.
    New(&'static str, usize),
    Bytes {
        image: &'static str,
        offset: usize,
        length: usize,
        /// 0 for zeros.
        fill: u8,
    },
    Copy(&'static str, &'static str),
    /// With its snapshots.
    Move(&'static str, &'static str),
    Size(&'static str, usize),
    /// With its snapshots.
    Gone(&'static str),
    /// Its user's snapshots are.
    Purged(&'static str),
}

impl Effect {
    /// The image that it is about.
    pub(super) fn image(&self) -> &'static str {
        let name = match self {
            Effect::New(name, _)
            | Effect::Copy(_, name)
            | Effect::Move(_, name)
            | Effect::Size(name, _)
            | Effect::Gone(name)
            | Effect::Purged(name)
            | Effect::Bytes { image: name, .. } => name,
        };
        name.split('@').next().unwrap_or(name)
    }
}

/// Which feature sets a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Format1,
    /// Clones, groups and the trash.
    Format2,
    ObjectMap,
}
