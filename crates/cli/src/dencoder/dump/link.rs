//! Links between clones and parents.

use marcot_format::children::ChildImageSpec;
use marcot_format::parent::{Parent, ParentImageSpec};

use super::{Dump, Fields};
use crate::render::Value;

impl Dump for Parent {
    fn fields(&self) -> Fields {
        let mut fields = self.spec().fields();
        fields.extend(self.head_overlap.map(|bytes| ("head_overlap", Value::Number(bytes))));
        fields
    }
}

impl Dump for ParentImageSpec {
    fn fields(&self) -> Fields {
        vec![
            ("pool_id", Value::Signed(self.pool_id)),
            ("pool_namespace", Value::text(&self.pool_namespace)),
            ("image_id", Value::text(&self.image_id)),
            ("snap_id", Value::Number(self.snap_id)),
        ]
    }
}

impl Dump for ChildImageSpec {
    fn fields(&self) -> Fields {
        vec![
            ("pool_id", Value::Signed(self.pool_id)),
            ("pool_namespace", Value::text(&self.pool_namespace)),
            ("image_id", Value::text(&self.image_id)),
        ]
    }
}
