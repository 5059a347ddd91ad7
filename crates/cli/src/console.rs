//! Standard output and standard error, with one rule for readers that have gone.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use crate::exit::Failure;

/// Writes an answer to standard output.
///
/// A closed pipe (`| head`) is the reader's wish, not a failure of the command: it ends it quietly.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().is_terminal() {
        true => print_bytes(harmless(text).as_bytes()),
        false => print_bytes(text.as_bytes()),
    }
}

/// The text with what a terminal would take for commands escaped: names may hold anything.
fn harmless(text: &str) -> Cow<'_, str> {
    let commands = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let shown = |letter: char| match commands(letter) {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// The same for bytes.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Told(0)),
        Err(error) => Err(Failure::Output(error)),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard error; nothing can be done when that fails.
pub(crate) fn complain(line: &str) {
    let line = match io::stderr().is_terminal() {
        true => harmless(line),
        false => Cow::Borrowed(line),
    };
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes text without a line end to standard error.
pub(crate) fn mutter(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_commands_a_terminal_is_escaped() {
        assert_eq!(harmless("a\tb\nü"), "a\tb\nü");
        assert_eq!(harmless("a\u{1b}[31m\r\u{9b}2J"), "a\\u{1b}[31m\\r\\u{9b}2J");
    }
}
