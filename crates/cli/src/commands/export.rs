//! `rbd export`

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use clap::Command;
use marcot_image::Access;
use marcot_image::transfer::{self, Sink};
use marcot_store::Errno;

use super::CommandDef;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "export",
    alias: None,
    about: "Write an image or a snapshot into a file",
    define,
    run,
};

const FAILED: &str = "export error";

fn define(command: Command) -> Command {
    options::no_progress(options::image_or_snapshot(command)).args([
        options::text("path", "the file; - for standard output"),
        options::export_format(),
        options::word("path-name", "the file; - for standard output"),
    ])
}

struct Request {
    source: ImageSpec,
    path: String,
}

impl Request {
    fn parse(arguments: &Arguments) -> Result<Request, UsageError> {
        let source = spec::image(arguments, Wanted::existing(SnapRule::Allowed))?;
        Ok(Request { source, path: options::path(arguments)? })
    }
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    options::refuse_format_2(arguments)?;
    let work = if request.path == "-" { Work::Stream } else { Work::Bytes };
    session.expect_image(&request.source, work)?;
    let image = session.open(&request.source, Access::ReadOnly)?;
    let failed = |error: &io::Error| Failure::verb(FAILED, errno(error));
    let mut target: Box<dyn Sink> = match request.path.as_str() {
        "-" => Box::new(Stream(io::stdout())),
        path => Box::new(Hollow::create(path, image.view().size).map_err(|error| failed(&error))?),
    };
    let meter = session.meter("Exporting image", arguments);
    let exported = session.wait(transfer::export(&image, &mut *target, &meter));
    meter.ended(exported).map_err(|error| Failure::refused(FAILED, &error))
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// A file in which holes stay holes.
struct Hollow(File);

impl Hollow {
    /// A new file of that size, all hole.
    fn create(path: &str, size: u64) -> io::Result<Hollow> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.set_len(size)?;
        Ok(Hollow(file))
    }
}

impl Sink for Hollow {
    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn hole(&mut self, _offset: u64, _length: u64) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output, where a hole is zeros.
struct Stream(io::Stdout);

/// Zeros that are written at once.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

impl Sink for Stream {
    fn write(&mut self, _offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all(data)
    }

    fn hole(&mut self, _offset: u64, mut length: u64) -> io::Result<()> {
        while length > 0 {
            let part = length.min(ZEROS.len() as u64);
            let end = usize::try_from(part).unwrap_or(ZEROS.len());
            self.0.write_all(&ZEROS[..end])?;
            length -= part;
        }
        self.0.flush()
    }
}
