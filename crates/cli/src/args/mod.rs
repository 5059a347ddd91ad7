//! From words to a typed request: one file per command, one definition for parsing, help, manual
//! pages and completions.
//!
//! `rbd` finds its command anywhere among the words ([`tokens`]) and reads images from options or
//! from words in order ([`spec`]); what is left of option parsing is clap's.

use std::cell::Cell;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use usage::UsageError;

pub(crate) mod global;
pub(crate) mod layout;
pub(crate) mod options;
pub(crate) mod size;
pub(crate) mod spec;
pub(crate) mod tokens;
pub(crate) mod usage;

/// The options and words that one command was given.
#[derive(Debug)]
pub(crate) struct Arguments {
    matches: ArgMatches,
    words: Vec<String>,
    next: Cell<usize>,
}

impl Arguments {
    /// Reads `words`, the command's own left out, by the command's `definition`.
    pub(crate) fn parse(definition: Command, words: Vec<String>) -> Result<Arguments, UsageError> {
        let positionals: Vec<String> =
            definition.get_positionals().map(|arg| arg.get_id().to_string()).collect();
        let matches = definition
            .no_binary_name(true)
            .disable_help_flag(true)
            .disable_version_flag(true)
            .try_get_matches_from(words)
            .map_err(|error| UsageError::from_parser(&error))?;
        let mut found = Vec::new();
        for id in positionals {
            found.extend(matches.get_many::<String>(&id).unwrap_or_default().cloned());
        }
        Ok(Arguments { matches, words: found, next: Cell::new(0) })
    }

    /// The next word that is no option, once.
    pub(crate) fn next_word(&self) -> Option<String> {
        let at = self.next.get();
        self.next.set(at + 1);
        self.words.get(at).cloned()
    }

    /// All words that were not yet taken.
    pub(crate) fn remaining_words(&self) -> Vec<String> {
        let at = self.next.replace(self.words.len());
        self.words.get(at..).unwrap_or_default().to_vec()
    }

    /// The value of a text option that this command has and that was given.
    pub(crate) fn text(&self, id: &str) -> Option<String> {
        self.matches.try_get_one::<String>(id).ok().flatten().cloned()
    }

    /// The value of a typed option.
    pub(crate) fn value<T: Clone + Send + Sync + 'static>(&self, id: &str) -> Option<T> {
        self.matches.try_get_one::<T>(id).ok().flatten().cloned()
    }

    /// All values of an option that may be repeated.
    pub(crate) fn values<T: Clone + Send + Sync + 'static>(&self, id: &str) -> Vec<T> {
        match self.matches.try_get_many::<T>(id) {
            Ok(Some(values)) => values.cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a switch was given.
    pub(crate) fn flag(&self, id: &str) -> bool {
        matches!(self.matches.try_get_one::<bool>(id), Ok(Some(true)))
            && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }
}
