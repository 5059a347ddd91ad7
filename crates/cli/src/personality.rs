//! Which tool we are taken for: by the name we were called by, or by the first word.

use std::ffi::OsStr;
use std::path::Path;

/// The tool whose command line and output are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Personality {
    /// Ourselves: `rbd`'s commands and more, with bars on terminals.
    Marcot,
    Rbd,
    Rados,
    Ceph,
    Dencoder,
}

impl Personality {
    fn from_name(name: &str) -> Option<Personality> {
        match name {
            "rbd" => Some(Personality::Rbd),
            "rados" => Some(Personality::Rados),
            "ceph" => Some(Personality::Ceph),
            "ceph-dencoder" => Some(Personality::Dencoder),
            _ => None,
        }
    }

    /// The program's name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Personality::Marcot => "marcot",
            Personality::Rbd => "rbd",
            Personality::Rados => "rados",
            Personality::Ceph => "ceph",
            Personality::Dencoder => "ceph-dencoder",
        }
    }

    /// Whether a real Ceph configuration of the system is looked for.
    pub(crate) fn is_ceph_tool(self) -> bool {
        self != Personality::Marcot
    }
}

/// Takes the program's name, and the first word if it names a tool, off the command line.
pub(crate) fn recognise(argv0: &OsStr, words: Vec<String>) -> (Personality, Vec<String>) {
    let called = Path::new(argv0).file_name().and_then(OsStr::to_str).unwrap_or_default();
    if let Some(personality) = Personality::from_name(called) {
        return (personality, words);
    }
    match words.first().and_then(|word| Personality::from_name(word)) {
        Some(personality) => (personality, words.into_iter().skip(1).collect()),
        None => (Personality::Marcot, words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_name_or_the_first_word_decides() {
        let of = |argv0: &str, line: &str| recognise(OsStr::new(argv0), words(line));
        assert_eq!(of("/usr/bin/rbd", "ls"), (Personality::Rbd, words("ls")));
        assert_eq!(of("marcot", "rados lspools"), (Personality::Rados, words("lspools")));
        assert_eq!(of("marcot", "ceph-dencoder decode"), (Personality::Dencoder, words("decode")));
        assert_eq!(of("marcot", "ls"), (Personality::Marcot, words("ls")));
        assert_eq!(of("rbd", "rados ls"), (Personality::Rbd, words("rados ls")));
    }
}
