//! What is done to images of every feature set, line by line.

use super::table::{Effect, Needs};

const KIB: usize = 1 << 10;

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

/// What comes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// By both, in the same words and with the same code; nothing has changed.
    Refused,
}

/// A line that one side does, or that both refuse.
pub(super) struct Step {
    /// `rbd …`, or `write`, or `discard`. `{p}` is pool and namespace, `{layout}` the options of
    /// the feature set, `{id:IMAGE}` an image's id.
    pub(super) line: &'static str,
    pub(super) effects: &'static [Effect],
    pub(super) needs: Needs,
    pub(super) outcome: Outcome,
}

const fn step(line: &'static str, effects: &'static [Effect]) -> Step {
    Step { line, effects, needs: Needs::Nothing, outcome: Outcome::Done }
}

const fn format_2(line: &'static str, effects: &'static [Effect]) -> Step {
    Step { needs: Needs::Format2, ..step(line, effects) }
}

const fn mapped(line: &'static str) -> Step {
    Step { needs: Needs::ObjectMap, ..step(line, &[]) }
}

const fn refused(line: &'static str) -> Step {
    Step { outcome: Outcome::Refused, ..step(line, &[]) }
}

const fn format_2_refused(line: &'static str) -> Step {
    Step { needs: Needs::Format2, ..refused(line) }
}

const fn format_1_refused(line: &'static str) -> Step {
    Step { needs: Needs::Format1, ..refused(line) }
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
    refused("rbd create --size 1M {layout} {p}/base"),
    write!("base", 0, 625_152, 1),
    // A snapshot of a group is one of each member.
    format_2("rbd group create {p}/set", &[]),
    format_2("rbd group image add {p}/set {p}/base", &[]),
    format_2("rbd group snap create {p}/set@now", &[Effect::Copy("base", "base@group:now")]),
    format_2_refused("rbd group snap create {p}/set@now"),
    write!("base", 600_064, 50_176, 10),
    format_2("rbd group rename {p}/set {p}/group", &[]),
    format_2(
        "rbd group snap rename {p}/group@now then",
        &[Effect::Move("base@group:now", "base@group:then")],
    ),
    // To the image's first snapshot: after a later one librbd keeps a map that its own check finds
    // wrong.
    format_2(
        "rbd group snap rollback --no-progress {p}/group@then",
        &[Effect::Copy("base@group:then", "base")],
    ),
    step("rbd image-meta set {p}/base purpose turns", &[]),
    step("rbd image-meta set {p}/base owner both", &[]),
    step("rbd image-meta remove {p}/base purpose", &[]),
    refused("rbd image-meta remove {p}/base purpose"),
    step("rbd snap create --no-progress {p}/base@one", &[Effect::Copy("base", "base@one")]),
    write!("base", 250_368, 175_104, 2),
    step("rbd snap create --no-progress {p}/base@two", &[Effect::Copy("base", "base@two")]),
    refused("rbd snap create --no-progress {p}/base@two"),
    refused("rbd rm --no-progress {p}/base"),
    refused("rbd resize --no-progress --size 1M {p}/base"),
    refused("rbd flatten --no-progress {p}/base"),
    // What images of format 1 cannot.
    format_1_refused("rbd snap protect {p}/base@one"),
    format_1_refused("rbd snap unprotect {p}/base@one"),
    format_1_refused("rbd clone {p}/base@one {p}/child"),
    format_1_refused("rbd clone --rbd-default-clone-format 2 {p}/base@one {p}/child"),
    format_1_refused("rbd trash mv {p}/base"),
    format_1_refused("rbd feature enable {p}/base exclusive-lock"),
    format_1_refused("rbd object-map rebuild --no-progress {p}/base"),
    format_1_refused("rbd object-map check --no-progress {p}/base"),
    Step { needs: Needs::Format1, ..step("rbd group create {p}/set", &[]) },
    format_1_refused("rbd group image add {p}/set {p}/base"),
    Step { needs: Needs::Format1, ..step("rbd group rm {p}/set", &[]) },
    format_2_refused("rbd clone --rbd-default-clone-format 1 {layout} {p}/base@one {p}/child"),
    format_2("rbd snap protect {p}/base@one", &[]),
    format_2_refused("rbd snap rm --no-progress {p}/base@one"),
    // A clone of the first kind, with other objects than its parent's.
    format_2(
        "rbd clone --object-size 1M {layout} {p}/base@one {p}/child",
        &[Effect::Copy("base@one", "child")],
    ),
    format_2_refused("rbd snap unprotect {p}/base@one"),
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
    refused("rbd snap create --no-progress {p}/copy@z"),
    step("rbd snap limit clear {p}/copy", &[]),
    refused("rbd rename {p}/copy {p}/base"),
    step("rbd rename {p}/copy {p}/renamed", &[Effect::Move("copy", "renamed")]),
    format_2("rbd trash mv {p}/renamed", &[Effect::Move("renamed", "trash:renamed")]),
    format_2_refused("rbd trash restore --image base {p}/{id:renamed}"),
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
