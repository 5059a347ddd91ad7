//! `rbd trash move`

use std::time::Duration;

use clap::Command;
use marcot_format::trash::TrashSource;
use marcot_image::operation::trash::{TrashError, move_to_trash};

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::date;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "trash move",
    alias: Some("trash mv"),
    about: "Move an image to the trash",
    define,
    run,
};

fn define(command: Command) -> Command {
    let expiry = options::text("expires-at", "until when it must stay there; now when not said");
    options::image(command).arg(expiry)
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let at = session.location(&spec.at)?;
    let until = match arguments.text("expires-at") {
        Some(text) => Some(date::read(&text)?),
        None => None,
    };
    let now = session.now()?.duration();
    let delay = until.map_or(Duration::ZERO, |until| until.duration().saturating_sub(now));
    let client = session.client()?;
    session
        .wait(move_to_trash(client, &at, &spec.image, TrashSource::User, delay))
        .map_err(|error| failure(&error))
}

fn failure(error: &TrashError) -> Failure {
    let refused = Failure::refused("deferred delete error", error);
    match error {
        TrashError::NoImage { .. } => Failure::verb("deferred delete error", error.errno()),
        _ => refused,
    }
}
