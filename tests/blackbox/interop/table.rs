//! Feature sets, and what is done to images of each of them.

use super::party::Commands;

const KIB: usize = 1 << 10;

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

const DEFAULT: FeatureSet = FeatureSet {
    name: "default",
    layout: "",
    lines: &[Needs::Nothing, Needs::Format2, Needs::ObjectMap],
    namespace: None,
    data_pool: DataPool::Replicated,
    changes: Changes::ByBoth,
};

pub(super) const FEATURE_SETS: &[FeatureSet] = &[
    DEFAULT,
    FeatureSet {
        name: "layering only",
        layout: "--image-feature layering",
        lines: &[Needs::Nothing, Needs::Format2],
        ..DEFAULT
    },
    FeatureSet { name: "striping", layout: "--stripe-unit 65536 --stripe-count 3", ..DEFAULT },
    FeatureSet { name: "data pool", layout: "--data-pool {data}", ..DEFAULT },
    FeatureSet {
        name: "erasure-coded data pool",
        layout: "--data-pool {data}",
        data_pool: DataPool::ErasureCoded,
        ..DEFAULT
    },
    FeatureSet { name: "namespace", namespace: Some("space"), ..DEFAULT },
    FeatureSet {
        name: "journaling",
        layout: "--image-feature layering,exclusive-lock,object-map,fast-diff,deep-flatten,journaling",
        changes: Changes::ByCeph,
        ..DEFAULT
    },
    FeatureSet {
        name: "format 1",
        layout: "--image-format 1",
        lines: &[Needs::Nothing],
        ..DEFAULT
    },
];

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

/// Beginnings of lines that we do to images with journals too.
pub(super) const DESPITE_JOURNALS: [&str; 8] = [
    "rbd group create",
    "rbd group image",
    "rbd group rename",
    "rbd group snap rename",
    "rbd rm",
    "rbd trash mv",
    "rbd trash restore",
    "rbd trash rm",
];

/// Which feature sets a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// Clones and the trash.
    Format2,
    ObjectMap,
}

/// A line that one side does.
pub(super) struct Step {
    /// `rbd …`, or `write`, or `discard`. `{p}` is pool and namespace, `{layout}` the options of
    /// the feature set, `{id:IMAGE}` an image's id.
    pub(super) line: &'static str,
    pub(super) effects: &'static [Effect],
    pub(super) needs: Needs,
}

const fn step(line: &'static str, effects: &'static [Effect]) -> Step {
    Step { line, effects, needs: Needs::Nothing }
}

const fn format_2(line: &'static str, effects: &'static [Effect]) -> Step {
    Step { line, effects, needs: Needs::Format2 }
}

const fn mapped(line: &'static str) -> Step {
    Step { line, effects: &[], needs: Needs::ObjectMap }
}

const fn bytes(effects: &'static [Effect]) -> Step {
    let Effect::Bytes { image, fill, .. } = effects[0] else { panic!("no change of bytes") };
    let line = if fill == 0 { "discard" } else { "write" };
    // The parent is called base; its clones need format 2.
    match image.as_bytes()[0] {
        b'b' => step(line, effects),
        _ => format_2(line, effects),
    }
}

/// A write, or a discard where the bytes are zeros.
macro_rules! write {
    ($image:literal, $offset:expr, $length:expr, $fill:expr) => {
        bytes(&[Effect::Bytes { image: $image, offset: $offset, length: $length, fill: $fill }])
    };
}

pub(super) const STEPS: &[Step] = &[
    step(
        "rbd create --size 1536K --object-size 256K {layout} {p}/base",
        &[Effect::New("base", 1536 * KIB)],
    ),
    write!("base", 0, 625_152, 1),
    step("rbd snap create --no-progress {p}/base@one", &[Effect::Copy("base", "base@one")]),
    write!("base", 250_368, 175_104, 2),
    step("rbd snap create --no-progress {p}/base@two", &[Effect::Copy("base", "base@two")]),
    // A snapshot of a group is one of each member.
    format_2("rbd group create {p}/set", &[]),
    format_2("rbd group image add {p}/set {p}/base", &[]),
    format_2("rbd group snap create {p}/set@now", &[Effect::Copy("base", "base@group:now")]),
    write!("base", 600_064, 50_176, 10),
    format_2("rbd group rename {p}/set {p}/group", &[]),
    format_2(
        "rbd group snap rename {p}/group@now then",
        &[Effect::Move("base@group:now", "base@group:then")],
    ),
    // No rollback to it: librbd then keeps a map that its own check finds wrong.
    format_2("rbd snap protect {p}/base@one", &[]),
    // A clone of the first kind, with other objects than its parent's.
    format_2(
        "rbd clone --object-size 1M {layout} {p}/base@one {p}/child",
        &[Effect::Copy("base@one", "child")],
    ),
    write!("child", 100_352, 75_264, 3),
    format_2("rbd snap create --no-progress {p}/child@a", &[Effect::Copy("child", "child@a")]),
    format_2("rbd group image add {p}/group {p}/child", &[]),
    format_2(
        "rbd group snap create {p}/group@both",
        &[Effect::Copy("base", "base@group:both"), Effect::Copy("child", "child@group:both")],
    ),
    write!("child", 300_032, 25_088, 4),
    format_2("rbd group image rm {p}/group {p}/child", &[]),
    format_2(
        "rbd group snap rm {p}/group@both",
        &[Effect::Gone("base@group:both"), Effect::Gone("child@group:both")],
    ),
    format_2("rbd group rm {p}/group", &[Effect::Gone("base@group:then")]),
    write!("child", 0, 512 * KIB, 0),
    format_2(
        "rbd resize --no-progress --size 2304K {p}/child",
        &[Effect::Size("child", 2304 * KIB)],
    ),
    write!("child", 2_000_384, 125_440, 5),
    format_2("rbd image-meta set {p}/child purpose turns", &[]),
    format_2("rbd image-meta set {p}/child owner both", &[]),
    format_2("rbd image-meta remove {p}/child purpose", &[]),
    format_2("rbd flatten --no-progress {p}/child", &[]),
    write!("child", 500_224, 150_016, 6),
    format_2("rbd snap create --no-progress {p}/child@b", &[Effect::Copy("child", "child@b")]),
    mapped("rbd feature disable {p}/child fast-diff,object-map"),
    mapped("rbd feature enable {p}/child object-map,fast-diff"),
    mapped("rbd object-map rebuild --no-progress {p}/child@b"),
    mapped("rbd object-map rebuild --no-progress {p}/child@a"),
    mapped("rbd object-map rebuild --no-progress {p}/child"),
    format_2("rbd snap rollback --no-progress {p}/child@a", &[Effect::Copy("child@a", "child")]),
    format_2(
        "rbd resize --no-progress --allow-shrink --size 768K {p}/child",
        &[Effect::Size("child", 768 * KIB)],
    ),
    format_2("rbd snap rm --no-progress {p}/child@a", &[Effect::Gone("child@a")]),
    format_2("rbd snap rm --no-progress {p}/child@b", &[Effect::Gone("child@b")]),
    format_2("rbd snap unprotect {p}/base@one", &[]),
    // A clone of the second kind: the snapshot goes to the trash while it lives.
    format_2(
        "rbd clone --rbd-default-clone-format 2 {layout} {p}/base@two {p}/second",
        &[Effect::Copy("base@two", "second")],
    ),
    write!("second", 768 * KIB, 50_176, 7),
    format_2(
        "rbd snap rm --no-progress {p}/base@two",
        &[Effect::Move("base@two", "base@trash:two")],
    ),
    format_2("rbd flatten --no-progress {p}/second", &[Effect::Gone("base@trash:two")]),
    step("rbd cp --no-progress {p}/base {p}/copy", &[Effect::Copy("base", "copy")]),
    step("rbd snap create --no-progress {p}/copy@x", &[Effect::Copy("copy", "copy@x")]),
    step("rbd snap rename {p}/copy@x {p}/copy@y", &[Effect::Move("copy@x", "copy@y")]),
    step("rbd snap limit set --limit 1 {p}/copy", &[]),
    step("rbd rename {p}/copy {p}/renamed", &[Effect::Move("copy", "renamed")]),
    format_2("rbd trash mv {p}/renamed", &[Effect::Move("renamed", "trash:renamed")]),
    format_2(
        "rbd trash restore --image restored {p}/{id:renamed}",
        &[Effect::Move("trash:renamed", "restored")],
    ),
    format_2("rbd rename {p}/restored {p}/renamed", &[Effect::Move("restored", "renamed")]),
    step("rbd snap purge --no-progress {p}/renamed", &[Effect::Purged("renamed")]),
    step("rbd rm --no-progress {p}/renamed", &[Effect::Gone("renamed")]),
    format_2("rbd trash mv {p}/second", &[Effect::Move("second", "trash:second")]),
    format_2("rbd trash rm --no-progress {p}/{id:second}", &[Effect::Gone("trash:second")]),
    format_2("rbd rm --no-progress {p}/child", &[Effect::Gone("child")]),
    step("rbd resize --no-progress --size 2M {p}/base", &[Effect::Size("base", 2048 * KIB)]),
    write!("base", 1600 * KIB, 100_352, 8),
    write!("base", 256 * KIB, 256 * KIB, 0),
    step("rbd snap rollback --no-progress {p}/base@one", &[Effect::Copy("base@one", "base")]),
    write!("base", 512, 512, 9),
    step("rbd snap purge --no-progress {p}/base", &[Effect::Purged("base")]),
    step("rbd rm --no-progress {p}/base", &[Effect::Gone("base")]),
];

/// Two data chunks and a coding one; a cluster of two OSDs and more can hold it.
pub(super) fn make_erasure_coded(commands: &Commands, pool: &str) -> Result<(), String> {
    let profile = "osd erasure-code-profile set interop k=2 m=1 crush-failure-domain=osd --force";
    let lines = [
        profile.to_owned(),
        format!("osd pool rm {pool} {pool} --yes-i-really-really-mean-it"),
        format!("osd pool create {pool} 4 erasure interop"),
        format!("osd pool set {pool} min_size 2"),
        format!("osd pool set {pool} allow_ec_overwrites true"),
        format!("osd pool application enable {pool} rbd"),
    ];
    for line in lines {
        let output = commands.ceph(&line).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("ceph {line}: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(())
}
