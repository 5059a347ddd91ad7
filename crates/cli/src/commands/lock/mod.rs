//! `rbd lock …`

use crate::args::Arguments;
use crate::args::usage::UsageError;

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;

/// The next word, which must be there.
fn word(arguments: &Arguments, what: &str) -> Result<String, UsageError> {
    let word = arguments.next_word().filter(|word| !word.is_empty());
    word.ok_or_else(|| UsageError::unfitting(format!("{what} was not specified")))
}
