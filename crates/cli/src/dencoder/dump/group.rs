//! Consistency groups.

use marcot_format::group::{
    GroupImageSpec, GroupImageState, GroupImageStatus, GroupSnapshot, GroupSpec, ImageSnapshotSpec,
};

use super::{Dump, Fields};
use crate::render::Value;

impl Dump for GroupSpec {
    fn fields(&self) -> Fields {
        vec![("group_id", Value::text(&self.group_id)), ("pool_id", Value::Signed(self.pool_id))]
    }
}

impl Dump for GroupImageSpec {
    fn fields(&self) -> Fields {
        vec![("image_id", Value::text(&self.image_id)), ("pool_id", Value::Signed(self.pool_id))]
    }
}

impl Dump for GroupImageStatus {
    fn fields(&self) -> Fields {
        let state = match self.state {
            GroupImageState::Attached => "attached",
            GroupImageState::Incomplete => "incomplete",
        };
        let mut fields = self.spec.fields();
        fields.push(("state", Value::text(state)));
        fields
    }
}

impl Dump for GroupSnapshot {
    fn fields(&self) -> Fields {
        vec![
            ("id", Value::text(&self.id)),
            ("name", Value::text(&self.name)),
            ("state", Value::Number(u64::from(self.state as u8))),
        ]
    }
}

impl Dump for ImageSnapshotSpec {
    fn fields(&self) -> Fields {
        vec![
            ("pool", Value::Signed(self.pool_id)),
            ("image_id", Value::text(&self.image_id)),
            ("snap_id", Value::Number(self.snap_id)),
        ]
    }
}
