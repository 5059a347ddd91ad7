//! Options that several commands share.

use std::str::FromStr;

use clap::{Arg, ArgAction, Command};
use marcot_image::Quiesce;
use marcot_store::{Errno, SnapId};

use super::Arguments;
use super::size;
use super::spec::{self, ImageSpec, Wanted};
use super::usage::UsageError;
use crate::exit::Failure;
use crate::render::{Format, Style};

/// An option with a text value.
pub(crate) fn text(id: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(id).value_name(id).help(help).action(ArgAction::Set).allow_hyphen_values(true)
}

/// An option without a value.
pub(crate) fn switch(id: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(id).help(help).action(ArgAction::SetTrue)
}

/// A word of the command line.
pub(crate) fn word(id: &'static str, help: &'static str) -> Arg {
    Arg::new(id).value_name(id).help(help).action(ArgAction::Set)
}

pub(crate) fn pool() -> Arg {
    text("pool", "pool name").short('p')
}

/// `--pool`, `--namespace`.
pub(crate) fn place(command: Command) -> Command {
    command.args([pool(), text("namespace", "namespace name")])
}

/// The word that says both.
pub(crate) fn pool_spec() -> Arg {
    word("pool-spec", "pool[/namespace]")
}

/// `--pool`, `--namespace`, `--image` and the word that says all three.
pub(crate) fn image(command: Command) -> Command {
    place(command)
        .arg(text("image", "image name"))
        .arg(word("image-spec", "image: [pool/[namespace/]]image"))
}

/// The same with a snapshot.
pub(crate) fn snapshot(command: Command) -> Command {
    place(command)
        .args([text("image", "image name"), text("snap", "snapshot name")])
        .arg(word("snap-spec", "snapshot: [pool/[namespace/]]image@snapshot"))
}

/// The same where the snapshot may be left out.
pub(crate) fn image_or_snapshot(command: Command) -> Command {
    place(command)
        .args([text("image", "image name"), text("snap", "snapshot name")])
        .arg(word("image-or-snap-spec", "image or snapshot: [pool/[namespace/]]image[@snapshot]"))
}

/// `--dest-pool`, `--dest-namespace`, `--dest` and the word that says all three.
pub(crate) fn destination(command: Command) -> Command {
    command
        .args([
            text("dest-pool", "pool of the destination"),
            text("dest-namespace", "namespace of the destination"),
            text("dest", "image name of the destination"),
        ])
        .arg(word("dest-image-spec", "destination: [pool/[namespace/]]image"))
}

pub(crate) fn no_progress(command: Command) -> Command {
    command.arg(switch("no-progress", "do not show progress"))
}

pub(crate) fn size() -> Arg {
    Arg::new("size")
        .long("size")
        .short('s')
        .value_name("size")
        .help("image size, with K, M, G, T or P; M when there is no letter")
        .value_parser(size::image_size)
        .allow_hyphen_values(true)
}

/// `--format`, `--pretty-format`.
pub(crate) fn format(command: Command) -> Command {
    command.args([
        Arg::new("format")
            .long("format")
            .value_name("format")
            .help("output format: plain, json or xml")
            .value_parser(Format::parse),
        switch("pretty-format", "lay json and xml out over several lines"),
    ])
}

/// How the user wants to see the answer.
pub(crate) fn style(arguments: &Arguments) -> Result<Style, UsageError> {
    let style = Style {
        format: arguments.value("format").unwrap_or_default(),
        pretty: arguments.flag("pretty-format"),
    };
    if style.pretty && style.format == Format::Plain {
        return Err(UsageError::unfitting(
            "--pretty-format only works when --format is json or xml",
        ));
    }
    Ok(style)
}

/// The number that a text option was given.
pub(crate) fn number<T: FromStr>(arguments: &Arguments, id: &str) -> Result<Option<T>, UsageError> {
    let Some(value) = arguments.text(id) else { return Ok(None) };
    let number = value.parse().map_err(|_| {
        let option = format!("--{id}");
        UsageError::NotANumber { option, value }
    })?;
    Ok(Some(number))
}

/// `--size`, which `rbd` asks for by name when it is missing.
pub(crate) fn required_size(arguments: &Arguments) -> Result<u64, UsageError> {
    arguments.value("size").ok_or_else(|| UsageError::unfitting("must specify --size <M/G/T>"))
}

pub(crate) fn image_id() -> Arg {
    text("image-id", "the image's id, instead of its name")
}

/// `--snap-id`
pub(crate) fn snap_id() -> Arg {
    text("snap-id", "the snapshot by its number")
}

/// The number of a snapshot that is given instead of its name.
pub(crate) fn snap_number(
    arguments: &Arguments,
    spec: &ImageSpec,
) -> Result<Option<SnapId>, UsageError> {
    match (number(arguments, "snap-id")?, &spec.snap) {
        (Some(_), Some(_)) => {
            Err(UsageError::unfitting("trying to access snapshot using both name and id."))
        }
        (number, _) => Ok(number.map(SnapId)),
    }
}

/// `--pool`, `--namespace`, `--image-id` and the word that says all three.
pub(crate) fn trashed(command: Command) -> Command {
    place(command)
        .arg(image_id())
        .arg(word("image-id-spec", "image in the trash: [pool/[namespace/]]image-id"))
}

/// An existing image by name or by `--image-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) spec: ImageSpec,
    pub(crate) id: Option<String>,
}

/// The image that a command with `--image-id` is about.
pub(crate) fn target(arguments: &Arguments, wanted: Wanted) -> Result<Target, UsageError> {
    let Some(id) = arguments.text("image-id").filter(|id| !id.is_empty()) else {
        return Ok(Target { spec: spec::image(arguments, wanted)?, id: None });
    };
    let spec = spec::image(arguments, wanted.optionally())?;
    if !spec.image.is_empty() {
        return Err(UsageError::unfitting("trying to access image using both name and id. "));
    }
    Ok(Target { spec, id: Some(id) })
}

/// `--sparse-size`: zeros in a row that are left out.
pub(crate) fn sparse_size() -> Arg {
    Arg::new("sparse-size")
        .long("sparse-size")
        .value_name("size")
        .value_parser(size::bytes)
        .help("zeros in a row that are not stored, from 4K")
}

/// `--skip-quiesce`, `--ignore-quiesce-error`
pub(crate) fn quiesce(command: Command) -> Command {
    command.args([
        switch("skip-quiesce", "do not ask users of the image to pause"),
        switch("ignore-quiesce-error", "go on when they cannot"),
    ])
}

/// What users of an image are asked before a snapshot.
pub(crate) fn quiesce_mode(arguments: &Arguments) -> Result<Quiesce, UsageError> {
    match (arguments.flag("skip-quiesce"), arguments.flag("ignore-quiesce-error")) {
        (true, true) => Err(UsageError::unfitting(
            "ignore-quiesce-error cannot be used together with skip-quiesce",
        )),
        (true, false) => Ok(Quiesce::Skip),
        (false, true) => Ok(Quiesce::IgnoreErrors),
        (false, false) => Ok(Quiesce::Required),
    }
}

/// `--export-format`
pub(crate) fn export_format() -> Arg {
    Arg::new("export-format")
        .long("export-format")
        .value_name("format")
        .value_parser(["1", "2"])
        .help("1: the bytes of the image")
}

/// The file of an import or export: from `--path`, else from the next word.
pub(crate) fn path(arguments: &Arguments) -> Result<String, UsageError> {
    let path = arguments.text("path").filter(|path| !path.is_empty());
    let path = path.or_else(|| arguments.next_word().filter(|word| !word.is_empty()));
    path.ok_or_else(|| UsageError::unfitting("path was not specified"))
}

/// The stream with snapshots is not built yet.
pub(crate) fn refuse_format_2(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.text("export-format").as_deref() {
        Some("2") => Err(Failure::line("export format 2 is not supported yet", Errno::OPNOTSUPP)),
        _ => Ok(()),
    }
}
