//! One operation, as both sides are asked for it: a line of JSON.
//!
//! Operations name what they work on, so that a list without some of its lines is a list still:
//! that is how a failing one is shrunk. Images are `pool/image` or `pool/namespace/image`; pools
//! are `a` and `b`.

use serde::{Deserialize, Serialize};

/// What a user of librbd may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Operation {
    Create {
        image: String,
        size: u64,
        /// Of format 1: of the layout only the order counts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        old: bool,
        #[serde(flatten)]
        layout: Layout,
    },
    Clone {
        parent: String,
        snap: String,
        image: String,
        /// 1 or 2.
        format: u8,
        #[serde(flatten)]
        layout: Layout,
    },
    Copy {
        from: String,
        snap: Option<String>,
        image: String,
        #[serde(flatten)]
        layout: Layout,
    },
    Remove {
        image: String,
    },
    Rename {
        image: String,
        to: String,
    },
    Resize {
        image: String,
        size: u64,
        shrink: bool,
    },
    Flatten {
        image: String,
    },
    RebuildObjectMap {
        image: String,
    },
    Features {
        image: String,
        bits: u64,
        enable: bool,
    },
    Write {
        image: String,
        offset: u64,
        length: u64,
        fill: u8,
    },
    Discard {
        image: String,
        offset: u64,
        length: u64,
    },
    WriteZeroes {
        image: String,
        offset: u64,
        length: u64,
    },
    /// Of one sector, against what is there or against something else.
    CompareAndWrite {
        image: String,
        offset: u64,
        fill: u8,
        matches: bool,
    },
    Read {
        image: String,
        snap: Option<String>,
        offset: u64,
        length: u64,
        /// Opened for writing, so that it may copy up.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        writable: bool,
    },
    SnapCreate {
        image: String,
        snap: String,
    },
    SnapRemove {
        image: String,
        snap: String,
    },
    SnapRename {
        image: String,
        snap: String,
        to: String,
    },
    SnapProtect {
        image: String,
        snap: String,
    },
    SnapUnprotect {
        image: String,
        snap: String,
    },
    SnapRollback {
        image: String,
        snap: String,
    },
    SnapLimit {
        image: String,
        limit: Option<u64>,
    },
    MetaSet {
        image: String,
        key: String,
        value: String,
    },
    MetaRemove {
        image: String,
        key: String,
    },
    /// An override for one image.
    ConfigSet {
        image: String,
        key: String,
        value: String,
    },
    ConfigRemove {
        image: String,
        key: String,
    },
    /// An override for all images of a pool.
    PoolConfigSet {
        pool: String,
        key: String,
        value: String,
    },
    PoolConfigRemove {
        pool: String,
        key: String,
    },
    TrashMove {
        image: String,
        /// Seconds for which it may not be removed.
        delay: u64,
    },
    /// What was `image` before it went into the trash; there must be one such.
    TrashRestore {
        image: String,
        to: String,
    },
    TrashRemove {
        image: String,
        force: bool,
    },
    /// Groups are `pool/group` or `pool/namespace/group`.
    GroupCreate {
        group: String,
    },
    GroupRemove {
        group: String,
    },
    GroupRename {
        group: String,
        to: String,
    },
    GroupAdd {
        group: String,
        image: String,
    },
    GroupDrop {
        group: String,
        image: String,
    },
    GroupSnapCreate {
        group: String,
        snap: String,
    },
    GroupSnapRemove {
        group: String,
        snap: String,
    },
    GroupSnapRename {
        group: String,
        snap: String,
        to: String,
    },
    GroupSnapRollback {
        group: String,
        snap: String,
    },
    LockAdd {
        image: String,
        cookie: String,
        tag: Option<String>,
    },
    LockRemove {
        image: String,
        cookie: String,
    },
    NamespaceCreate {
        pool: String,
        name: String,
    },
    NamespaceRemove {
        pool: String,
        name: String,
    },
}

/// How a new image is laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) order: u8,
    pub(crate) features: u64,
    /// Stripe unit in bytes, and stripe count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stripe: Option<(u64, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data_pool: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Answer {
    /// 0, or what it was refused with.
    pub(crate) errno: i32,
    /// Of the bytes that a read found.
    #[serde(default)]
    pub(crate) sum: Option<u32>,
}

impl Answer {
    pub(crate) fn refused(errno: i32) -> Answer {
        Answer { errno, sum: None }
    }
}

/// `pool/image` or `pool/namespace/image`.
pub(crate) fn parts(spec: &str) -> (&str, &str, &str) {
    let (pool, rest) = spec.split_once('/').expect("a pool");
    let (namespace, image) = rest.split_once('/').unwrap_or(("", rest));
    (pool, namespace, image)
}

/// Bytes that tell where they were meant to go; zeros for 0. As `judge.py` has it.
pub(crate) fn pattern(fill: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length).expect("it is to be in memory")];
    for (sector, chunk) in bytes.chunks_mut(512).enumerate().filter(|_| fill != 0) {
        chunk.fill(u8::try_from((usize::from(fill) + sector) % 251 + 1).expect("below 252"));
    }
    bytes
}
