//! Groups by name: images and snapshots say pool id and group id, people say names.

use std::fmt;

use marcot_format::group::GroupSpec;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_image::Image;
use marcot_image::pool::group::{self, Group};

use crate::exit::Failure;
use crate::session::Session;

/// The names of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupName {
    pub(crate) pool: String,
    pub(crate) namespace: String,
    pub(crate) group: String,
}

impl GroupName {
    fn find(session: &Session, group: &Group) -> Result<GroupName, Failure> {
        let pools = session.pools()?.into_iter();
        let pool = pools.filter(|pool| pool.id == group.at.pool).map(|pool| pool.name).next();
        let name = session
            .wait(group::name_of(session.client()?, group))
            .map_err(|error| Failure::refused("failed to get the group's name", &error))?;
        Ok(GroupName {
            pool: pool.unwrap_or_default(),
            namespace: group.at.namespace.to_string(),
            group: name,
        })
    }

    /// The group that an image belongs to.
    pub(crate) fn of_image(session: &Session, image: &Image) -> Result<Option<GroupName>, Failure> {
        let group = session
            .wait(group::of_image(image))
            .map_err(|error| Failure::refused("failed to get the group", &error))?;
        group.map(|group| GroupName::find(session, &group)).transpose()
    }
}

/// `pool/[namespace/]group`
impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.pool)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.group)
    }
}

/// The snapshot of a group that an image's snapshot is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupSnapName {
    pub(crate) group: GroupName,
    pub(crate) snapshot: String,
}

impl GroupSnapName {
    /// `None` for snapshots that belong to no group.
    pub(crate) fn find(
        session: &Session,
        image: &Image,
        namespace: &SnapshotNamespace,
    ) -> Result<Option<GroupSnapName>, Failure> {
        let SnapshotNamespace::Group { pool_id, group_id, group_snap_id } = namespace else {
            return Ok(None);
        };
        let spec = GroupSpec { pool_id: *pool_id, group_id: group_id.clone() };
        let group = Group::referred(&spec, &image.location().namespace);
        let snapshot = session
            .wait(group::snapshot(session.client()?, &group, group_snap_id))
            .map_err(|error| Failure::refused("failed to get the group's snapshot", &error))?;
        let group = GroupName::find(session, &group)?;
        Ok(Some(GroupSnapName { group, snapshot: snapshot.name }))
    }
}
