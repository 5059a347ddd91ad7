//! Newtypes for everything that has a namespace of its own.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A pool's number. Never used again after the pool is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PoolId(pub i64);

/// A snapshot's number, unique within its pool.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SnapId(pub u64);

impl SnapId {
    /// The object as it is now (`CEPH_NOSNAP`).
    pub const HEAD: SnapId = SnapId(0xffff_ffff_ffff_fffe);
}

/// For logs and failed tests: a head is no number to recognise.
impl fmt::Debug for SnapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SnapId::HEAD => f.write_str("SnapId(head)"),
            SnapId(id) => write!(f, "SnapId({id})"),
        }
    }
}

/// Identity of one client of a store (`client.N`, librados' instance id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client.{}", self.0)
    }
}

/// A client's address as Ceph prints it: `127.0.0.1:0/NONCE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientAddress(pub String);

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A watch, within its client (Ceph's cookie). One that has ended may have its number come again:
/// librados' is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchHandle(pub u64);

/// One notification, within its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NotifyId(pub u64);

/// An object's version: grows with every write to it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Version(pub u64);

/// Where an object lives. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    pub pool: PoolId,
    /// Empty for the default namespace.
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl ObjectId {
    /// An object in `namespace` of `pool`.
    pub fn new(
        pool: PoolId,
        namespace: impl Into<Arc<str>>,
        name: impl Into<Arc<str>>,
    ) -> ObjectId {
        ObjectId { pool, namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => write!(f, "{} in pool {}", self.name, self.pool.0),
            namespace => write!(f, "{} in pool {} namespace {namespace}", self.name, self.pool.0),
        }
    }
}

/// The snapshots a writer knows: what it must not overwrite.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapContext {
    /// The newest snapshot id the writer has seen, removed ones counted.
    pub seq: SnapId,
    /// Live snapshots, newest first.
    pub snaps: Arc<[SnapId]>,
}

impl SnapContext {
    /// Whether `seq` bounds the list and the list descends strictly, as RADOS demands (`EINVAL`).
    pub fn is_valid(&self) -> bool {
        self.snaps.first().is_none_or(|newest| *newest <= self.seq)
            && self.snaps.windows(2).all(|pair| pair[0] > pair[1])
    }
}
