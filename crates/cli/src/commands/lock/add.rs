//! `rbd lock add`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::lock::{self, Sharing, UserLockError};

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "lock add", alias: None, about: "Lock an image by hand", define, run };

fn define(command: Command) -> Command {
    options::image(command).args([
        options::word("lock-id", "name of the lock"),
        options::text("shared", "share the lock with all who give the same tag"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let id = super::word(arguments, "lock id")?;
    // As in Ceph, an empty tag is none.
    let sharing = match arguments.text("shared").filter(|tag| !tag.is_empty()) {
        Some(tag) => Sharing::Shared { tag },
        None => Sharing::Exclusive,
    };
    let image = session.open_head(&spec, Access::ReadWrite)?;
    session.wait(lock::add(&image, &id, &sharing)).map_err(|error| match error {
        UserLockError::Held | UserLockError::HeldWithOtherTag => {
            Failure::line(error.to_string(), error.errno())
        }
        error => Failure::refused("obtaining lock failed", &error),
    })?;
    session.close_image(&image)
}
