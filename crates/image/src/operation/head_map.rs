//! The head's object map, as verbs use it. Empty until images keep one.

use std::ops::Range;

use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_store::SnapId;

use crate::class_call::CallError;
use crate::header::Header;

#[derive(Debug)]
pub(crate) enum HeadMap {}

impl HeadMap {
    pub(crate) fn is_given_up(&self) -> bool {
        match *self {}
    }
    pub(crate) fn snapshot_states(&self) -> States {
        match *self {}
    }
    pub(crate) async fn add_snapshot(&self, _: &Header, _: SnapId) -> Result<(), CallError> {
        match *self {}
    }
    pub(crate) async fn remove_snapshot(&self, _: &Header, _: SnapId) -> Result<(), CallError> {
        match *self {}
    }
    pub(crate) async fn resize(&self, _: u64) -> Result<(), CallError> {
        match *self {}
    }
    pub(crate) async fn update_range(
        &self,
        _: Range<u64>,
        _: ObjectState,
        _: Option<ObjectState>,
    ) -> Result<(), CallError> {
        match *self {}
    }
}
