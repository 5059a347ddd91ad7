//! `rbd group image list`

use std::fmt::Write as _;

use clap::Command;
use marcot_format::group::GroupImageState;
use marcot_image::operation::group::{self, GroupError, Member};

use crate::args::{Arguments, options, spec};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group image list",
    alias: Some("group image ls"),
    about: "List the images of a group",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(super::super::group(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, super::super::GROUP)?;
    let style = options::style(arguments)?;
    let at = session.location(&spec.at)?;
    let members = match session.wait(group::images(session.client()?, &at, &spec.image)) {
        // As in Ceph, a group that is not there has no images.
        Err(GroupError::NotFound { .. }) => Vec::new(),
        other => other.map_err(|error| Failure::refused("list", &error))?,
    };
    let pools = session.pools()?;
    let pool = |member: &Member| {
        let named = pools.iter().find(|pool| pool.id == member.pool);
        named.map(|pool| pool.name.clone()).unwrap_or_default()
    };
    let text = match style.format {
        Format::Plain => members.iter().fold(String::new(), |mut text, member| {
            let namespace = match spec.at.namespace.as_str() {
                "" => String::new(),
                namespace => format!("{namespace}/"),
            };
            let state = match member.state {
                GroupImageState::Attached => "",
                GroupImageState::Incomplete => "incomplete",
            };
            let _ = writeln!(text, "{}/{namespace}{} {state}", pool(member), member.name);
            text
        }),
        Format::Json | Format::Xml => {
            let list = members.iter().map(|member| {
                Value::Object(vec![
                    ("image", Value::text(&member.name)),
                    ("pool", Value::text(pool(member))),
                    ("namespace", Value::text(&spec.at.namespace)),
                    ("state", Value::Number(member.state as u64)),
                ])
            });
            structured(style, "images", &Value::list("image", list))
        }
    };
    console::print(&text)
}
