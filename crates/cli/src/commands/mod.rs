//! What `rbd` can be told to do: one file per command, each with its definition (from which help,
//! manual pages and completions come too), its typed request, one call to the image layer, and how
//! the answer is shown.

use clap::Command;

use crate::args::Arguments;
use crate::exit::Failure;
use crate::session::Session;

mod bench;
mod children;
mod clone;
mod config;
mod copy;
mod create;
mod disk_usage;
mod export;
mod feature;
mod flatten;
mod group;
mod image_meta;
mod import;
mod info;
mod list;
mod lock;
mod namespace;
mod object_map;
mod pool;
mod remove;
mod rename;
mod resize;
mod snap;
mod sparsify;
mod status;
mod trash;
mod watch;

/// One command of the command line.
pub(crate) struct CommandDef {
    /// Its words: `snap create`.
    pub(crate) name: &'static str,
    /// Another way to say it.
    pub(crate) alias: Option<&'static str>,
    /// One line for the list of commands.
    pub(crate) about: &'static str,
    /// Adds the options and words that it takes.
    pub(crate) define: fn(Command) -> Command,
    pub(crate) run: fn(&Arguments, &Session) -> Result<(), Failure>,
}

impl CommandDef {
    /// The whole definition, named by the last of its words.
    pub(crate) fn definition(&self) -> Command {
        let last = self.name.rsplit(' ').next().unwrap_or(self.name);
        (self.define)(Command::new(last).about(self.about))
    }

    /// Both ways to say it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.alias)
    }
}

/// All commands of `rbd`, in the order of its list.
pub(crate) const RBD: &[&CommandDef] = &[
    &bench::COMMAND,
    &children::COMMAND,
    &clone::COMMAND,
    &config::get::GLOBAL,
    &config::list::GLOBAL,
    &config::remove::GLOBAL,
    &config::set::GLOBAL,
    &config::get::IMAGE,
    &config::list::IMAGE,
    &config::remove::IMAGE,
    &config::set::IMAGE,
    &config::get::POOL,
    &config::list::POOL,
    &config::remove::POOL,
    &config::set::POOL,
    &copy::COMMAND,
    &create::COMMAND,
    &disk_usage::COMMAND,
    &export::COMMAND,
    &feature::DISABLE,
    &feature::ENABLE,
    &flatten::COMMAND,
    &group::create::COMMAND,
    &group::image::add::COMMAND,
    &group::image::list::COMMAND,
    &group::image::remove::COMMAND,
    &group::list::COMMAND,
    &group::remove::COMMAND,
    &group::rename::COMMAND,
    &group::snap::create::COMMAND,
    &group::snap::list::COMMAND,
    &group::snap::remove::COMMAND,
    &group::snap::rename::COMMAND,
    &group::snap::rollback::COMMAND,
    &image_meta::get::COMMAND,
    &image_meta::list::COMMAND,
    &image_meta::remove::COMMAND,
    &image_meta::set::COMMAND,
    &import::COMMAND,
    &info::COMMAND,
    &list::COMMAND,
    &lock::add::COMMAND,
    &lock::list::COMMAND,
    &lock::remove::COMMAND,
    &namespace::create::COMMAND,
    &namespace::list::COMMAND,
    &namespace::remove::COMMAND,
    &object_map::CHECK,
    &object_map::REBUILD,
    &pool::init::COMMAND,
    &pool::stats::COMMAND,
    &remove::COMMAND,
    &rename::COMMAND,
    &resize::COMMAND,
    &snap::create::COMMAND,
    &snap::limit::CLEAR,
    &snap::limit::SET,
    &snap::list::COMMAND,
    &snap::protection::PROTECT,
    &snap::purge::COMMAND,
    &snap::remove::COMMAND,
    &snap::rename::COMMAND,
    &snap::rollback::COMMAND,
    &snap::protection::UNPROTECT,
    &sparsify::COMMAND,
    &status::COMMAND,
    &trash::list::COMMAND,
    &trash::move_to::COMMAND,
    &trash::purge::COMMAND,
    &trash::remove::COMMAND,
    &trash::restore::COMMAND,
    &trash::schedule::ADD,
    &trash::schedule::LIST,
    &trash::schedule::REMOVE,
    &trash::schedule::STATUS,
    &watch::COMMAND,
];

/// The command that the first of `words` name, and how many they are: the longest name wins.
pub(crate) fn find(
    commands: &[&'static CommandDef],
    words: &[&str],
) -> Option<(&'static CommandDef, usize)> {
    let mut best = None;
    for command in commands {
        for name in command.names() {
            let length = name.split(' ').count();
            let named = name.split(' ').eq(words.iter().take(length).copied());
            if named && best.is_none_or(|(_, longest)| longest < length) {
                best = Some((*command, length));
            }
        }
    }
    best
}
