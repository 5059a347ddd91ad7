//! Between records that are JSON and their types.

use std::io::{Result, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::wire::{DecodeError, DecodeProblem, Decoder};

/// Everything that is left, as one value.
pub(super) fn read<T: DeserializeOwned>(
    input: &mut Decoder<'_>,
) -> std::result::Result<T, DecodeError> {
    let rest = input.take_rest();
    serde_json::from_slice(rest).map_err(|_| input.error(DecodeProblem::NotJson))
}

/// One line, with a blank behind each comma and colon.
pub(super) fn line<T: Serialize>(value: &T) -> Vec<u8> {
    write(value, Spaced)
}

/// A line a value, four blanks a level.
pub(super) fn indented<T: Serialize>(value: &T) -> Vec<u8> {
    write(value, PrettyFormatter::with_indent(b"    "))
}

fn write<T: Serialize>(value: &T, formatter: impl Formatter) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).expect("a vector takes all");
    bytes
}

/// As Python spaces and escapes by default: what is not printable ASCII is given by number.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> Result<()> {
        for character in fragment.chars() {
            match character {
                ' '..='~' => write!(writer, "{character}")?,
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
