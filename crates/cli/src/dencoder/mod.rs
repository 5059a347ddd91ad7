//! `ceph-dencoder`: stored records read from files, shown as JSON, written anew.
//!
//! Its words are steps that work one after the other on one state: a type, bytes, a record
//! ([`step`]). [`record_type`] lists the types, [`dump`] knows their JSON. It opens no store.

mod dump;
mod record_type;
mod step;

use std::fs::File;
use std::io::{self, Read};

use crate::console;
use crate::exit::Failure;
use crate::help;
use crate::personality::Personality;
use crate::rados::hexdump;
use crate::render::{Format, Style, structured};
use record_type::{Record, RecordType, Rest};
use step::Step;

/// No record comes near it; keeps endless files out of memory.
const MAX_FILE: u64 = 16 << 20;

/// What the steps work on.
#[derive(Default)]
struct State {
    selected: Option<&'static RecordType>,
    bytes: Vec<u8>,
    skip: usize,
    rest: Rest,
    record: Option<Record>,
}

/// Does what the words say, up to the first failure.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let steps = step::read(words).map_err(|message| refused(&message))?;
    let mut state = State::default();
    for step in &steps {
        state.take(step)?;
    }
    Ok(())
}

fn refused(message: &str) -> Failure {
    console::complain(message);
    Failure::Told(1)
}

impl State {
    fn take(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Help => console::print(step::HELP),
            Step::Version => console::print(&help::version(Personality::Dencoder)),
            Step::ListTypes => {
                let names = record_type::ALL.iter().map(|one| format!("{}\n", one.name));
                console::print(&names.collect::<String>())
            }
            Step::Type(name) => self.select(name),
            Step::Import(path) => self.import(path),
            Step::Skip(count) => {
                self.skip = *count;
                Ok(())
            }
            Step::StrayOkay => {
                self.rest = Rest::LeftAlone;
                Ok(())
            }
            Step::Decode => self.decode(),
            Step::DumpJson => self.dump(),
            Step::Encode => {
                self.bytes = self.record()?.written.clone();
                self.skip = 0;
                Ok(())
            }
            Step::Export(path) => std::fs::write(path, &self.bytes)
                .map_err(|why| refused(&format!("error: {path}: {}", reason(&why)))),
            Step::Hexdump => console::print(&hexdump(&self.bytes)),
        }
    }

    fn select(&mut self, name: &str) -> Result<(), Failure> {
        let found = record_type::ALL.iter().find(|one| one.name == name);
        let Some(found) = found else {
            return Err(refused(&format!("class '{name}' unknown")));
        };
        self.selected = Some(found);
        self.record = None;
        Ok(())
    }

    fn import(&mut self, path: &str) -> Result<(), Failure> {
        self.bytes = read_file(path).map_err(|why| refused(&format!("error: {path}: {why}")))?;
        Ok(())
    }

    fn decode(&mut self) -> Result<(), Failure> {
        let Some(selected) = self.selected else { return Err(no_type()) };
        let Some(bytes) = self.bytes.get(self.skip..) else {
            let (skip, length) = (self.skip, self.bytes.len());
            return Err(refused(&format!("error: cannot skip {skip} of {length} bytes")));
        };
        let record =
            (selected.read)(bytes, self.rest).map_err(|why| refused(&format!("error: {why}")))?;
        self.record = Some(record);
        Ok(())
    }

    fn dump(&self) -> Result<(), Failure> {
        let style = Style { format: Format::Json, pretty: true };
        console::print(&structured(style, "object", &self.record()?.shown))
    }

    fn record(&self) -> Result<&Record, Failure> {
        match (&self.record, self.selected) {
            (Some(record), _) => Ok(record),
            (None, Some(_)) => Err(refused("no record yet; import a file and decode it first")),
            (None, None) => Err(no_type()),
        }
    }
}

fn no_type() -> Failure {
    refused("must first select type with 'type <name>'")
}

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(|error| reason(&error))?;
    opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE) {
        Ok(bytes)
    } else {
        Err(format!("more than {MAX_FILE} bytes, so no record"))
    }
}

fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => marcot_store::Errno::from_raw(number).to_string(),
        None => error.to_string(),
    }
}
