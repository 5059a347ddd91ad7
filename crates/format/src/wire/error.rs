//! Why bytes are not the record they should be.

use std::fmt;

/// A record that cannot be read: which one, at which field, where in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged {record}: {field} at byte {offset}: {problem}")]
pub struct DecodeError {
    pub record: &'static str,
    pub field: &'static str,
    /// From the start of the outermost value.
    pub offset: usize,
    pub problem: DecodeProblem,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeProblem {
    /// The bytes end too early.
    Truncated { needed: u64, left: usize },
    /// The writer demands a reader of at least version `compat`; this one knows `known`.
    TooNew { compat: u8, known: u8 },
    /// A string that is not UTF-8.
    NotUtf8,
    /// Something else than the JSON that belongs here.
    NotJson,
    /// A number outside of its range.
    BadValue(u64),
    /// A checksum that does not match.
    Checksum { stored: u32, computed: u32 },
}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeProblem::Truncated { needed, left } => {
                write!(f, "needs {needed} bytes, {left} are left")
            }
            DecodeProblem::TooNew { compat, known } => {
                write!(f, "written for readers of version {compat}, this one knows {known}")
            }
            DecodeProblem::NotUtf8 => f.write_str("not UTF-8"),
            DecodeProblem::NotJson => f.write_str("not the JSON that belongs here"),
            DecodeProblem::BadValue(value) => write!(f, "the value {value} has no meaning"),
            DecodeProblem::Checksum { stored, computed } => {
                write!(f, "checksum {computed:#010x}, stored is {stored:#010x}")
            }
        }
    }
}
