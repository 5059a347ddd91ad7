//! Images in the trash.

use marcot_format::trash::{TrashImageSpec, TrashSource};

use super::{Dump, Fields};
use crate::render::Value;

impl Dump for TrashImageSpec {
    fn fields(&self) -> Fields {
        let source = match self.source {
            TrashSource::User => "user",
            TrashSource::Mirroring => "mirroring",
            TrashSource::Migration => "migration",
            TrashSource::Removing => "removing",
            TrashSource::UserParent => "user_parent",
        };
        let seconds = |time: marcot_format::Utime| Value::Number(u64::from(time.seconds));
        vec![
            ("source", Value::text(source)),
            ("name", Value::text(&self.name)),
            ("deletion_time", seconds(self.deletion_time)),
            ("deferment_end_time", seconds(self.deferment_end_time)),
        ]
    }
}
