//! Options that say how a new image is laid out: `create`, `clone`, `copy`, `import`.

use clap::builder::ArgAction;
use clap::{Arg, Command};
use marcot_format::features::Features;
use marcot_image::operation::{CreateFormat, CreateOptions, Layout};

use super::options::{switch, text};
use super::usage::UsageError;
use super::{Arguments, size};
use crate::session::Session;

pub(crate) fn define(command: Command) -> Command {
    command.args([
        Arg::new("order")
            .long("order")
            .value_name("order")
            .value_parser(order)
            .hide(true)
            .help("object size as a power of two"),
        Arg::new("object-size")
            .long("object-size")
            .value_name("size")
            .value_parser(size::object_order)
            .help("object size, from 4K to 32M"),
        Arg::new("image-feature")
            .long("image-feature")
            .value_name("features")
            .action(ArgAction::Append)
            .value_parser(features)
            .help(
                "features, with commas between: layering, exclusive-lock, object-map, \
                   fast-diff, deep-flatten",
            ),
        switch("image-shared", "for several writers at once: without exclusive-lock"),
        Arg::new("stripe-unit")
            .long("stripe-unit")
            .value_name("size")
            .value_parser(size::bytes)
            .help("bytes that go to one object in a row"),
        Arg::new("stripe-count")
            .long("stripe-count")
            .value_name("count")
            .value_parser(clap::value_parser!(u64))
            .help("objects that are written in turn"),
        text("data-pool", "pool for the data"),
    ])
}

/// `--image-format`, for commands that make an image out of nothing that has one.
pub(crate) fn image_format(command: Command) -> Command {
    command.args([
        Arg::new("image-format")
            .long("image-format")
            .value_name("format")
            .value_parser(["1", "2"])
            .help("image format: 2; 1 is for old clients, and only made by force"),
        switch("new-format", "the same as --image-format 2").hide(true),
    ])
}

/// What was said of the layout.
pub(crate) fn parse(arguments: &Arguments, session: &Session) -> Layout {
    let named: Vec<Features> = arguments.values("image-feature");
    let order: Option<u8> = arguments.value("order");
    if order.is_some() {
        session.warn("--order is deprecated, use --object-size");
    }
    Layout {
        order: arguments.value("object-size").or(order),
        features: named.into_iter().reduce(|all, feature| all | feature),
        features_clear: match arguments.flag("image-shared") {
            true => Features::SINGLE_CLIENT,
            false => Features::NONE,
        },
        stripe_unit: arguments.value("stripe-unit"),
        stripe_count: arguments.value("stripe-count"),
        data_pool: arguments.text("data-pool").filter(|name| !name.is_empty()),
    }
}

/// What was said of a new image but its size, with `--image-format`. Format 1 knows none of what else
/// may be asked for.
pub(crate) fn parse_new(
    arguments: &Arguments,
    session: &Session,
) -> Result<CreateOptions, UsageError> {
    if arguments.text("image-format").as_deref() != Some("1") {
        let layout = parse(arguments, session);
        return Ok(CreateOptions { layout, ..CreateOptions::default() });
    }
    session.warn("image format 1 is deprecated");
    let layout = parse(arguments, session);
    let refused = |what| {
        let text = format!("{what} not allowed with format 1; use --image-format 2");
        Err(UsageError::unfitting(text))
    };
    if layout.features.is_some() {
        return refused("features");
    }
    if layout.stripe_unit.is_some() || layout.stripe_count.is_some() {
        return refused("non-default striping");
    }
    if layout.data_pool.is_some() {
        return refused("data pool");
    }
    // As for librbd, it is enough that the variable is there.
    let format = match std::env::var_os("RBD_FORCE_ALLOW_V1") {
        Some(_) => CreateFormat::V1Forced,
        None => CreateFormat::V1,
    };
    Ok(CreateOptions { format, layout, ..CreateOptions::default() })
}

fn order(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(order) if (12..=25).contains(&order) => Ok(order),
        _ => Err("not between 12 and 25".to_owned()),
    }
}

/// Names with commas between. Those that only follow from something else are known too, and have
/// no effect.
pub(crate) fn features(text: &str) -> Result<Features, String> {
    const KNOWN: [&str; 11] = [
        "layering",
        "striping",
        "exclusive-lock",
        "object-map",
        "fast-diff",
        "deep-flatten",
        "journaling",
        "data-pool",
        "operations",
        "migrating",
        "non-primary",
    ];
    let mut all = Features::NONE;
    for name in text.split(',').filter(|name| !name.is_empty()) {
        let known = KNOWN.contains(&name).then(|| Features::by_name(name)).flatten();
        all = all | known.ok_or_else(|| format!("{name} is no feature"))?;
    }
    Ok(all)
}
