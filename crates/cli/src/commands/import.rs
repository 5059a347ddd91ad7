//! `rbd import`

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use clap::Command;
use marcot_image::transfer::{self, ImportError, ImportOptions, Source};
use marcot_store::Errno;
use rustix::fs::SeekFrom as Position;

use super::CommandDef;
use crate::args::layout;
use crate::args::spec::{self, ImageSpec, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::progress::{Ending, Meter};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "import", alias: None, about: "Make an image out of a file", define, run };

const FAILED: &str = "import failed";

fn define(command: Command) -> Command {
    let command = command.args([
        options::text("path", "the file; - for standard input"),
        options::word("path-name", "the file; - for standard input"),
    ]);
    let command = layout::image_format(options::no_progress(options::destination(command)));
    layout::define(command).args([
        options::sparse_size(),
        options::export_format(),
        options::text("pool", "the same as --dest-pool").short('p').hide(true),
        options::text("image", "the same as --dest").hide(true),
    ])
}

struct Request {
    path: String,
    target: ImageSpec,
    options: ImportOptions,
}

impl Request {
    fn parse(arguments: &Arguments, session: &Session) -> Result<Request, UsageError> {
        let path = options::path(arguments)?;
        let mut target = spec::image(arguments, Wanted::destination().optionally())?;
        if let Some(pool) = arguments.text("pool") {
            session.warn("-p [ --pool ] is deprecated, use --dest-pool");
            target.at.pool.get_or_insert(pool);
        }
        if let Some(image) = arguments.text("image") {
            session.warn("--image is deprecated, use --dest");
            target.image = image;
        }
        if target.image.is_empty() {
            let name = Path::new(&path).file_name().and_then(|name| name.to_str());
            target.image = name.unwrap_or(&path).to_owned();
        }
        let create = layout::parse_new(arguments, session)?;
        let mut options = ImportOptions { create, ..ImportOptions::default() };
        if let Some(size) = arguments.value::<u64>("sparse-size") {
            options.sparse_size = usize::try_from(size).unwrap_or(usize::MAX);
        }
        Ok(Request { path, target, options })
    }
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments, session)?;
    options::refuse_format_2(arguments)?;
    match request.path.as_str() {
        "-" => session.expect_stream()?,
        path => session.expect_bytes(std::fs::metadata(path).map_or(0, |found| found.len()))?,
    }
    let at = session.location(&request.target.at)?;
    let meter = session.meter("Importing image", arguments);
    let mut source = open(&request.path, &meter, session)?;
    let (name, options) = (&request.target.image, &request.options);
    let imported = transfer::import(session.client()?, &at, name, &mut *source, options, &meter);
    let imported = session.wait(imported);
    if let Err(ImportError::Create(_)) = &imported {
        session.warn("image creation failed");
    }
    meter.ended(imported).map_err(|error| Failure::refused(FAILED, &error))
}

/// What Ceph says before it says that the import failed.
fn refused(line: String, errno: Errno) -> Failure {
    Failure::line(line, errno).followed_by(FAILED)
}

fn open(path: &str, meter: &Meter, session: &Session) -> Result<Box<dyn Source>, Failure> {
    if path == "-" {
        return Ok(Box::new(Stream(io::stdin())));
    }
    let errno = |error: &io::Error| Errno::from_raw(error.raw_os_error().unwrap_or_default());
    let mut file = File::open(path)
        .map_err(|error| refused(format!("error opening {path}"), errno(&error)))?;
    let failed = |line: &str, errno| {
        session.warn(line);
        meter.end(Ending::Failed);
        Failure::verb(FAILED, errno)
    };
    if file.metadata().is_ok_and(|found| found.is_dir()) {
        return Err(failed("cannot import a directory", Errno::ISDIR));
    }
    let size = file.seek(SeekFrom::End(0)).and_then(|size| file.rewind().map(|()| size));
    match size {
        // Ceph takes a file without content for a device whose size it cannot ask for.
        Ok(0) => Err(failed("unable to get size of file/block device", Errno::NOTTY)),
        Ok(size) => Ok(Box::new(Plain { file, size, offset: 0 })),
        Err(error) => Err(failed("unable to get size of file/block device", errno(&error))),
    }
}

/// A file or a block device.
struct Plain {
    file: File,
    size: u64,
    offset: u64,
}

impl Source for Plain {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A file that grows meanwhile is imported as long as it was.
        let rest = usize::try_from(self.size - self.offset).unwrap_or(usize::MAX);
        let end = buffer.len().min(rest);
        let read = self.file.read(&mut buffer[..end])?;
        self.offset += read as u64;
        Ok(read)
    }

    fn skip_hole(&mut self, limit: u64) -> io::Result<u64> {
        let data = match rustix::fs::seek(&self.file, Position::Data(self.offset)) {
            Ok(data) => data,
            // No data from here to the end.
            Err(rustix::io::Errno::NXIO) => self.size,
            // Nobody knows where the holes are.
            Err(_) => self.offset,
        };
        let length = data.min(self.size).saturating_sub(self.offset).min(limit);
        self.offset += length;
        self.file.seek(SeekFrom::Start(self.offset))?;
        Ok(length)
    }

    fn data_ahead(&mut self, limit: u64) -> io::Result<u64> {
        let hole = rustix::fs::seek(&self.file, Position::Hole(self.offset));
        self.file.seek(SeekFrom::Start(self.offset))?;
        Ok(match hole {
            Ok(hole) => hole.saturating_sub(self.offset).min(limit),
            // Nobody knows where the holes are.
            Err(_) => limit,
        })
    }
}

/// Standard input.
struct Stream(io::Stdin);

impl Source for Stream {
    fn size(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
