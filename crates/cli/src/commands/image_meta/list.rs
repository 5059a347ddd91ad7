//! `rbd image-meta list`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::image_meta;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "image-meta list",
    alias: Some("image-meta ls"),
    about: "Show the values kept with an image",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(options::image(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let style = options::style(arguments)?;
    let image = session.open_head(&spec, Access::ReadOnly)?;
    let stored = session
        .wait(image_meta::list(&image))
        .map_err(|error| Failure::refused("listing metadata failed", &error))?;
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    let pairs: Vec<(String, String)> =
        stored.into_iter().map(|(key, value)| (key, text(value))).collect();
    match style.format {
        Format::Plain => console::print(&plain(&pairs)),
        Format::Json | Format::Xml if pairs.is_empty() => Ok(()),
        Format::Json | Format::Xml => {
            let fields = pairs.into_iter().map(|(key, value)| (key, Value::Text(value)));
            console::print(&structured(style, "metadatas", &Value::Map(fields.collect())))
        }
    }
}

fn plain(pairs: &[(String, String)]) -> String {
    let title = match pairs.len() {
        0 => return "There are 0 metadata on this image.\n".to_owned(),
        1 => "There is 1 metadatum on this image:".to_owned(),
        count => format!("There are {count} metadata on this image:"),
    };
    let columns = [("Key", Align::Left, Align::Left), ("Value", Align::Left, Align::Left)];
    let mut table = Table::new(&columns);
    pairs.iter().for_each(|(key, value)| table.row([key.clone(), value.clone()]));
    format!("{title}\n\n{}", table.print())
}
