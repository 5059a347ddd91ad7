//! What to measure.

use std::fmt;

use clap::{Arg, Command};

use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options, size};

/// Reads, writes, or some of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IoType {
    Read,
    Write,
    ReadWrite { read_percent: u64 },
}

/// In which order bytes are visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Each lane has its own part of the image and goes through it.
    #[default]
    Sequential,
    /// All lanes together go through the image.
    FullSequential,
    Random,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) image: ImageSpec,
    pub(super) io_type: IoType,
    /// In bytes.
    pub(super) io_size: u64,
    /// Operations under way at once.
    pub(super) io_threads: usize,
    /// In bytes.
    pub(super) io_total: u64,
    pub(super) pattern: Pattern,
}

/// Operations and lanes must be numbered with 32 bits in Ceph.
const LARGEST: u64 = u32::MAX as u64;

pub(super) fn define(command: Command) -> Command {
    let option = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(name).help(help)
    };
    options::image_or_snapshot(command).args([
        option("io-type", "read, write, or readwrite (rw)").value_parser(io_type),
        option("io-size", "bytes of one operation; 4K when not said").value_parser(size::bytes),
        option("io-threads", "operations under way at once; 16 when not said")
            .value_parser(clap::value_parser!(u32)),
        option("io-total", "bytes altogether; 1G when not said").value_parser(size::bytes),
        option("io-pattern", "rand, seq, or full-seq").value_parser(pattern),
        option("rw-mix-read", "percent of reads in readwrite; 50 when not said")
            .value_parser(clap::value_parser!(u64)),
    ])
}

fn io_type(text: &str) -> Result<IoType, String> {
    match text {
        "read" => Ok(IoType::Read),
        "write" => Ok(IoType::Write),
        "readwrite" | "rw" => Ok(IoType::ReadWrite { read_percent: 50 }),
        _ => Err("neither read nor write nor readwrite".to_owned()),
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    match text {
        "rand" => Ok(Pattern::Random),
        "seq" => Ok(Pattern::Sequential),
        "full-seq" => Ok(Pattern::FullSequential),
        _ => Err("neither rand nor seq nor full-seq".to_owned()),
    }
}

impl Request {
    pub(super) fn parse(arguments: &Arguments) -> Result<Request, UsageError> {
        let image = spec::image(arguments, Wanted::existing(SnapRule::Allowed))?;
        let fail = |text: &str| Err(UsageError::unfitting(text));
        let io_size = arguments.value("io-size").unwrap_or(4096);
        let io_threads: u32 = arguments.value("io-threads").unwrap_or(16);
        let read_percent: u64 = arguments.value("rw-mix-read").unwrap_or(50);
        let Some(io_type) = arguments.value("io-type") else {
            return fail("--io-type must be specified.");
        };
        if io_size == 0 {
            return fail("--io-size should be greater than zero.");
        }
        if io_size > LARGEST {
            return fail("io-size should be less than 4G");
        }
        if io_threads == 0 {
            return fail("--io-threads should be greater than zero.");
        }
        if read_percent > 100 {
            return fail("--rw-mix-read should not be larger than 100.");
        }
        Ok(Request {
            image,
            io_type: match io_type {
                IoType::ReadWrite { .. } => IoType::ReadWrite { read_percent },
                other => other,
            },
            io_size,
            io_threads: usize::try_from(io_threads).unwrap_or(usize::MAX),
            io_total: arguments.value("io-total").unwrap_or(1 << 30),
            pattern: arguments.value("io-pattern").unwrap_or_default(),
        })
    }
}

/// `type write io_size 4096 io_threads 16 bytes 1073741824 pattern sequential`
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.io_type {
            IoType::Read => f.write_str("type read")?,
            IoType::Write => f.write_str("type write")?,
            IoType::ReadWrite { read_percent } => {
                write!(f, "type readwrite read:write={read_percent}:{}", 100 - read_percent)?;
            }
        }
        let pattern = match self.pattern {
            Pattern::Sequential => "sequential",
            Pattern::FullSequential => "full sequential",
            Pattern::Random => "random",
        };
        write!(
            f,
            " io_size {} io_threads {} bytes {} pattern {pattern}",
            self.io_size, self.io_threads, self.io_total
        )
    }
}
