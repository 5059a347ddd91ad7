//! `ceph osd pool create|ls|rename|rm`

use clap::Command;
use marcot_store::{ClusterChange, Errno};

use super::{change, format, print_json, refusal, required, words};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const CREATE: CommandDef = CommandDef {
    name: "osd pool create",
    alias: None,
    about: "Create a pool",
    define: define_create,
    run: create,
};

pub(crate) const LIST: CommandDef =
    CommandDef { name: "osd pool ls", alias: None, about: "List pools", define: format, run: list };

pub(crate) const RENAME: CommandDef = CommandDef {
    name: "osd pool rename",
    alias: None,
    about: "Rename a pool",
    define: define_rename,
    run: rename,
};

pub(crate) const REMOVE: CommandDef = CommandDef {
    name: "osd pool rm",
    alias: Some("osd pool delete"),
    about: "Remove a pool with everything in it",
    define: define_remove,
    run: remove,
};

fn define_create(command: Command) -> Command {
    command.args([
        options::word("pool", "name of the new pool"),
        words("rest", "numbers of placement groups and rules, which only a cluster has"),
    ])
}

fn create(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = required(arguments, "pool(<poolname>)")?;
    let text = match change(session, ClusterChange::CreatePool { name: name.clone() })? {
        Ok(()) => format!("pool '{name}' created"),
        Err(error) if error.errno == Errno::EXIST => format!("pool '{name}' already exists"),
        Err(error) => return Err(refusal(error.errno, &error.context)),
    };
    console::complain(&text);
    Ok(())
}

fn list(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let names = session.pools()?.into_iter().map(|pool| pool.name);
    match style.format {
        Format::Plain => console::print(&names.map(|name| format!("{name}\n")).collect::<String>()),
        Format::Json | Format::Xml => {
            let list = Value::list("pool_name", names.map(Value::Text));
            print_json(&structured(style, "pools", &list))
        }
    }
}

fn define_rename(command: Command) -> Command {
    command.args([options::word("from", "the pool"), options::word("to", "its new name")])
}

fn rename(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let from = required(arguments, "srcpool(<poolname>)")?;
    let to = required(arguments, "destpool(<poolname>)")?;
    let renamed = ClusterChange::RenamePool { from: from.clone(), to: to.clone() };
    match change(session, renamed)? {
        Ok(()) => {
            console::complain(&format!("pool '{from}' renamed to '{to}'"));
            Ok(())
        }
        Err(error) => Err(match error.errno {
            Errno::NOENT => refusal(Errno::NOENT, &format!("unrecognized pool '{from}'")),
            Errno::EXIST => refusal(Errno::EXIST, &format!("pool '{to}' already exists")),
            errno => refusal(errno, &error.context),
        }),
    }
}

fn define_remove(command: Command) -> Command {
    command.args([
        options::word("pool", "the pool"),
        options::word("again", "its name once more, so that it is meant"),
        options::switch("yes-i-really-really-mean-it", "remove it for good"),
        options::switch("yes-i-really-really-mean-it-not-faking", "the same").hide(true),
    ])
}

fn remove(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = required(arguments, "pool(<poolname>)")?;
    if !session.pools()?.iter().any(|pool| pool.name == name) {
        console::complain(&format!("pool '{name}' does not exist"));
        return Ok(());
    }
    let sure = arguments.flag("yes-i-really-really-mean-it")
        || arguments.flag("yes-i-really-really-mean-it-not-faking");
    if arguments.next_word().as_ref() != Some(&name) || !sure {
        return Err(refusal(
            Errno::PERM,
            &format!(
                "WARNING: this will *PERMANENTLY DESTROY* all data stored in pool {name}.  If you \
                 are *ABSOLUTELY CERTAIN* that is what you want, pass the pool name *twice*, \
                 followed by --yes-i-really-really-mean-it."
            ),
        ));
    }
    match change(session, ClusterChange::RemovePool { name: name.clone() })? {
        Ok(()) => {
            console::complain(&format!("pool '{name}' removed"));
            Ok(())
        }
        Err(error) => Err(refusal(error.errno, &error.context)),
    }
}
