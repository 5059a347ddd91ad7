//! What can be wrong with a command line, in `rbd`'s words.

use std::error::Error as _;
use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A command line that cannot be carried out.
///
/// Mistakes of form end with exit code 1, missing or unfitting names with 22 (`EINVAL`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("unrecognised option '{0}'")]
    UnknownOption(String),
    #[error("the required argument for option '{0}' is missing")]
    ValueMissing(String),
    #[error("the argument for option '{0}' is invalid")]
    ValueInvalid(String),
    /// The same for an option whose value is a plain number.
    #[error("the argument ('{value}') for option '{option}' is invalid")]
    NumberInvalid { option: String, value: String },
    /// A number that is none.
    #[error("the argument ('{value}') for option '{option}' is invalid")]
    NotANumber { option: String, value: String },
    /// A word that is not what it should be.
    #[error("the argument for option is invalid")]
    WordInvalid,
    #[error("option '{0}' cannot be specified more than once")]
    Repeated(String),
    #[error("option '{0}' does not take any arguments")]
    ValueUnwanted(String),
    #[error("too many arguments")]
    TooManyArguments,
    /// Text in `rbd`'s own words.
    #[error("{0}")]
    Unfitting(String),
}

impl UsageError {
    /// A missing name or a value that does not fit: exit code 22.
    pub(crate) fn unfitting(text: impl Into<String>) -> UsageError {
        UsageError::Unfitting(text.into())
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            UsageError::UnknownOption(_)
            | UsageError::ValueMissing(_)
            | UsageError::ValueInvalid(_)
            | UsageError::NotANumber { .. }
            | UsageError::NumberInvalid { .. }
            | UsageError::WordInvalid
            | UsageError::Repeated(_)
            | UsageError::ValueUnwanted(_)
            | UsageError::TooManyArguments => 1,
            UsageError::Unfitting(_) => 22,
        }
    }

    /// The same complaint as the option parser's.
    pub(crate) fn from_parser(error: &clap::Error) -> UsageError {
        let option = option_named(error);
        match error.kind() {
            ErrorKind::UnknownArgument if option.starts_with('-') => {
                UsageError::UnknownOption(option)
            }
            ErrorKind::UnknownArgument => UsageError::TooManyArguments,
            ErrorKind::ArgumentConflict => UsageError::Repeated(option),
            ErrorKind::TooManyValues => UsageError::ValueUnwanted(option),
            ErrorKind::InvalidValue if has_no_value(error) => UsageError::ValueMissing(option),
            _ => match bad_number(error) {
                Some(value) => UsageError::NumberInvalid { option, value },
                None => UsageError::ValueInvalid(option),
            },
        }
    }
}

/// The text that should have been a plain number.
fn bad_number(error: &clap::Error) -> Option<String> {
    error.source()?.downcast_ref::<ParseIntError>()?;
    match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => Some(value.clone()),
        _ => None,
    }
}

fn has_no_value(error: &clap::Error) -> bool {
    match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.is_empty(),
        _ => true,
    }
}

/// `--size` out of `--size <size>`.
fn option_named(error: &clap::Error) -> String {
    let shown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => text.as_str(),
        Some(ContextValue::Strings(texts)) => texts.first().map_or("", String::as_str),
        _ => "",
    };
    let word = shown.split_whitespace().next().unwrap_or_default();
    word.split('=').next().unwrap_or_default().to_owned()
}
