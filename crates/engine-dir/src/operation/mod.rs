//! One operation on one object: what it reads, what its steps make of it, and the plan of blocks
//! that comes out. Nothing here changes the state; [`crate::core`] commits the plan.

mod blocks;
mod content;
mod context;
mod edits;
mod scratch;
mod step;

pub(crate) use blocks::{Piece, plan_blocks};
pub(crate) use content::{Content, ReadFailure, Wait, read_extent, stored_runs};
pub(crate) use context::Caller;
pub(crate) use scratch::{Scratch, first_difference};
pub(crate) use step::{Calling, Failure, call_reading, run_step};

/// The most omap pairs that one read hands out, as an OSD has it.
pub(crate) const OMAP_PAGE: u64 = 1024;
