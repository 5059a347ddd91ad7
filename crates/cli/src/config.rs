//! RBD's options as they stand on the command line, turned into what the image layer reads.

use marcot_image::config::option::{self, Kind, RbdOption, Value};

use crate::args::usage::UsageError;

/// The option that a word of the command line (`--rbd-default-order`) names.
pub(crate) fn named(word: &str) -> Option<&'static RbdOption> {
    let name = word.strip_prefix("--")?.replace('-', "_");
    option::find(&name).ok()
}

/// Whether the option may stand alone.
pub(crate) fn is_switch(option: &RbdOption) -> bool {
    option.kind == Kind::Bool
}

/// The value that the user gave an option.
pub(crate) fn value(option: &RbdOption, text: &str) -> Result<Value, UsageError> {
    let dashed = || format!("--{}", option.name.replace('_', "-"));
    option.parse(text).map_err(|_| UsageError::ValueInvalid(dashed()))
}
