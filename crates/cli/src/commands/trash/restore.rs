//! `rbd trash restore`

use clap::Command;
use marcot_image::operation::trash::{TrashError, restore};

use crate::args::spec::{self, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "trash restore",
    alias: None,
    about: "Take an image out of the trash",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::trashed(command).arg(options::text("image", "its new name; the one it had otherwise"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::trashed())?;
    let name = arguments.text("image").filter(|name| !name.is_empty());
    let at = session.location(&spec.at)?;
    let restored = restore(session.client()?, &at, &spec.image, name.as_deref());
    session.wait(restored).map_err(|error| {
        let line = match error {
            TrashError::NotInTrash { .. } => "error: image does not exist in trash",
            TrashError::Exists { .. } => {
                "error: an image with the same name already exists, try again with a different name"
            }
            _ => return Failure::refused("restore error", &error),
        };
        Failure::line(line, error.errno())
    })
}
