//! Images on their way.

use marcot_format::migration::{MigrationSide, MigrationSpec};

use super::{Dump, Fields, snap_seqs};
use crate::render::Value;

impl Dump for MigrationSpec {
    fn fields(&self) -> Fields {
        let side = match self.side {
            MigrationSide::Source => "source",
            MigrationSide::Destination => "destination",
        };
        let mut fields = vec![("header_type", Value::text(side))];
        if self.side == MigrationSide::Source || self.source_spec.is_empty() {
            fields.extend([
                ("pool_id", Value::Signed(self.pool_id)),
                ("pool_namespace", Value::text(&self.pool_namespace)),
                ("image_name", Value::text(&self.image_name)),
                ("image_id", Value::text(&self.image_id)),
            ]);
        } else {
            fields.push(("source_spec", Value::text(&self.source_spec)));
        }
        let mode = match self.mirror_image_mode {
            0 => "journal".to_owned(),
            1 => "snapshot".to_owned(),
            other => format!("unknown ({other})"),
        };
        fields.extend([
            ("snap_seqs", snap_seqs(&self.snap_seqs)),
            ("overlap", Value::Number(self.overlap)),
            ("mirroring", Value::Bool(self.mirroring)),
            ("mirror_image_mode", Value::Text(mode)),
        ]);
        fields
    }
}
