//! Finds the command among the words of a command line, as `rbd` does.
//!
//! Options may stand before, between and after the command's words, so the words that are values
//! of options have to be known without knowing the command: every option takes a value unless it
//! is one of [`SWITCHES`] or carries its value behind `=`.

/// Options without a value, of all commands together.
const SWITCHES: [&str; 31] = [
    "-a",
    "-h",
    "-l",
    "-v",
    "--all",
    "--allow-shrink",
    "--default",
    "--descendants",
    "--exact",
    "--force",
    "--help",
    "--ignore-quiesce-error",
    "--image-shared",
    "--long",
    "--merge-snapshots",
    "--new-format",
    "--no-progress",
    "--pretty-format",
    "--read-only",
    "--skip-quiesce",
    "--thick-provision",
    "--verbose",
    "--version",
    "--whole-object",
    "--yes-i-really-mean-it",
    "--yes-i-really-really-mean-it",
    "--yes-i-really-really-mean-it-not-faking",
    "--foreground",
    "--keep",
    "--once",
    "--list",
];

/// A command line cut into the words that stand for themselves and the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Positions in the command line of the words that are no option and no option's value.
    positional: Vec<usize>,
    words: Vec<String>,
    pub(crate) asks_for_help: bool,
}

impl Tokens {
    pub(crate) fn new(words: Vec<String>) -> Tokens {
        let mut tokens = Tokens::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            if word == "--" {
                tokens.positional.extend(at + 1..words.len());
                break;
            }
            if word == "-h" || word == "--help" {
                tokens.asks_for_help = true;
            } else if !word.starts_with('-') || word == "-" {
                tokens.positional.push(at);
            } else if takes_next(word) {
                at += 1;
            }
            at += 1;
        }
        tokens.words = words;
        tokens
    }

    /// The words that are no options.
    pub(crate) fn positionals(&self) -> Vec<&str> {
        self.positional.iter().map(|at| self.words[*at].as_str()).collect()
    }

    /// The command line without its first `count` words that are no options.
    pub(crate) fn without_command(&self, count: usize) -> Vec<String> {
        let command = &self.positional[..count.min(self.positional.len())];
        let kept = self.words.iter().enumerate().filter(|(at, _)| !command.contains(at));
        kept.map(|(_, word)| word.clone()).collect()
    }
}

fn takes_next(option: &str) -> bool {
    let attached = !option.starts_with("--") && option.len() > 2;
    !attached && !option.contains('=') && !SWITCHES.contains(&option)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(line: &str) -> Tokens {
        Tokens::new(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn options_may_stand_anywhere() {
        for line in [
            "--pool rbd --no-progress snap create a@s",
            "snap --pool rbd create --no-progress a@s",
            "snap create a@s -p rbd",
            "-prbd snap create a@s",
            "--pool=rbd snap create -- a@s",
        ] {
            assert_eq!(tokens(line).positionals(), ["snap", "create", "a@s"], "{line}");
        }
    }

    #[test]
    fn the_command_is_taken_out() {
        let rest = tokens("-p rbd snap create a@s --no-progress").without_command(2);
        assert_eq!(rest, ["-p", "rbd", "a@s", "--no-progress"]);
        assert_eq!(tokens("export a -").positionals(), ["export", "a", "-"]);
    }
}
