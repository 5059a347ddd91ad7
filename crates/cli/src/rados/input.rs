//! Bytes that a command is given in a file, `-` for standard input, piece by piece.

use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;

use super::place::{self, PIECE, refused};
use crate::console;
use crate::exit::Failure;

/// An opened file.
pub(super) struct Input {
    path: String,
    reader: Box<dyn Read>,
}

impl Input {
    /// Says why, and yields none, when the file cannot be opened: `rados` ends with 0 then.
    pub(super) fn open(path: String) -> Option<Input> {
        let reader: Box<dyn Read> = match &*path {
            "-" => Box::new(io::stdin()),
            _ => match File::open(&path) {
                Ok(file) => Box::new(file),
                Err(error) => {
                    complain(&path, &error);
                    return None;
                }
            },
        };
        Some(Input { path, reader })
    }

    /// The next piece, none at the end. `what` cannot be done when it cannot be read.
    pub(super) fn next(&mut self, what: &str) -> Result<Option<Bytes>, Failure> {
        let mut piece = Vec::new();
        let read = self.reader.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        read.map_err(|error| {
            complain(&self.path, &error);
            refused(&format!("{what}: {}", place::errno(&error)))
        })?;
        Ok((!piece.is_empty()).then(|| piece.into()))
    }
}

fn complain(path: &str, error: &io::Error) {
    console::complain(&format!("error reading input file {path}: {}", place::errno(error)));
}

/// Everything that standard input holds: the value that was not given as a word.
pub(super) fn standard_input() -> Result<Bytes, Failure> {
    let mut all = Vec::new();
    io::stdin().read_to_end(&mut all).map_err(|error| {
        refused(&format!("error reading standard input: {}", place::errno(&error)))
    })?;
    Ok(all.into())
}
