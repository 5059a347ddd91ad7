//! `rados stat`

use marcot_format::Utime;
use marcot_store::{ReadResult, ReadStep};

use super::place::{self, Place, refused};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;
use crate::time;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "stat",
    alias: None,
    about: "Show an object's size and time",
    define: place::object,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    let shown = place.shown(&name);
    match place.read(&name, ReadStep::Stat)? {
        Ok(ReadResult::Stat(stat)) => {
            // Whole seconds, as the call behind `rados stat` yields them.
            let time = Utime { seconds: stat.mtime.seconds, nanoseconds: 0 };
            console::print(&format!("{shown} mtime {}, size {}\n", time::exact(time), stat.size))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(refused(&format!(" error stat-ing {shown}: {}", error.errno))),
    }
}
