//! Names and sizes that cannot be, and names that would talk to the terminal.

use std::process::Command;

use super::{refused, run};
use crate::store::{Store, told};

#[test]
fn names_that_cannot_be_are_refused() {
    let store = Store::new();
    for name in ["", "a/b/c/d", "a@b@c", "rbd/", "@", "/"] {
        let output = run(&store.marcot(&["create", "--size", "1M", name]));
        assert!(!output.status.success(), "'{name}' was taken");
    }
    refused(&run(&store.marcot(&["create", "--size", "1M", "nowhere/x"])), 2, &["nowhere"]);
    refused(&run(&store.marcot(&["snap", "create", "nothing@s"])), 2, &["nothing"]);
    assert_eq!(store.run(&["ls"]), "");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let store = Store::new();
    for size in ["", "-1", "1E999", "99999999999999999999", "16E", "8E", "1Z", "abc", "1 M", "0x10"]
    {
        let output = run(&store.marcot(&["create", "--size", size, "image"]));
        assert!(!output.status.success(), "'{size}' was taken: {}", told(&output));
    }
    store.run(&["create", "--size", "8M", "image"]);
    refused(&run(&store.marcot(&["resize", "--size", "4M", "image"])), 22, &["allow-shrink"]);
    assert_eq!(store.run(&["ls"]), "image\n");
    assert!(store.run(&["info", "image"]).contains("size 8 MiB"));
}

/// `script` gives the command a terminal.
fn on_a_terminal(store: &Store, words: &[&str]) -> Vec<u8> {
    let inner = store.marcot(words);
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy());
    let words: Vec<String> =
        std::iter::once(inner.get_program()).chain(inner.get_args()).map(quoted).collect();
    let mut command = Command::new("script");
    command.args(["-qec", &words.join(" "), "/dev/null"]).env("TERM", "xterm");
    run(&command).stdout
}

#[test]
fn names_never_talk_to_the_terminal() {
    let store = Store::new();
    let name = "evil\u{1b}[31m\u{7}\u{9b}2J";
    store.run(&["create", "--size", "1M", name]);
    // A pipe gets it as it is, as from rbd.
    assert_eq!(store.run(&["ls"]), format!("{name}\n"));
    let none = format!("{name}none");
    for words in
        [vec!["ls"], vec!["ls", "-l"], vec!["tree"], vec!["info", name], vec!["info", &none]]
    {
        let shown = on_a_terminal(&store, &words);
        let text = String::from_utf8_lossy(&shown).into_owned();
        assert!(text.contains("evil"), "{words:?}: {text:?}");
        for bad in ['\u{1b}', '\u{7}', '\u{9b}'] {
            assert!(!text.contains(bad), "{words:?}: {text:?}");
        }
    }
}
