//! Options that say how to reach a store and how RBD behaves: they may stand anywhere, for any
//! command, and are taken off the command line first.

use marcot_connect::CephIdentity;
use marcot_image::config::option::{RbdOption, Value};

use crate::config;
use crate::personality::Personality;

use super::usage::UsageError;

/// What was said about the store, by the command line alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Globals {
    /// `--store dir:PATH|ceph:CONF`
    pub(crate) store: Option<String>,
    /// `-c CONF`
    pub(crate) ceph_conf: Option<String>,
    /// `-v`: say which store it is.
    pub(crate) verbose: bool,
    /// `--version`, or `-v` alone.
    pub(crate) version: bool,
    /// Who a Ceph cluster is told that this is.
    pub(crate) identity: CephIdentity,
    /// RBD options in order.
    pub(crate) rbd_options: Vec<(&'static RbdOption, Value)>,
}

/// Options of Ceph's clients that take a value, and librados' names for them. The embedded store has
/// no use for them.
const IDENTITY: [(&str, &str); 9] = [
    ("-m", "mon_host"),
    ("--mon-host", "mon_host"),
    ("-k", "keyring"),
    ("--keyring", "keyring"),
    ("-K", "keyfile"),
    ("--keyfile", "keyfile"),
    ("--key", "key"),
    ("--cluster", "cluster"),
    ("--connect-timeout", "client_mount_timeout"),
];

/// Options that name the client: with and without `client.` in front.
const CLIENT: [&str; 4] = ["--id", "--user", "--name", "-n"];

/// Beginnings of the names of Ceph's configuration options that users give to `rbd`.
const CONFIG_PREFIXES: [&str; 9] =
    ["debug-", "log-", "err-", "ms-", "mon-", "rados-", "objecter-", "auth-", "client-"];

/// Options in the environment, which come before all others.
pub(crate) fn from_environment() -> Vec<String> {
    let text = std::env::var("CEPH_ARGS").unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Takes the global options out of `words`, `before` which others stand that came another way.
pub(crate) fn take(
    personality: Personality,
    before: Vec<String>,
    words: Vec<String>,
) -> Result<(Globals, Vec<String>), UsageError> {
    let mut globals = Globals::default();
    let mut kept = Vec::new();
    let alone = words.len() == 1;
    let mut words = before.into_iter().chain(words).peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            kept.push(word);
            kept.extend(words.by_ref());
            break;
        }
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        match kind(personality, name) {
            Kind::Other => kept.push(word),
            Kind::Version => globals.version = true,
            Kind::Verbose => {
                globals.verbose = !alone;
                globals.version |= alone;
            }
            Kind::SwitchedOff(option) => globals.rbd_options.push((option, Value::Bool(false))),
            Kind::RbdOption(option) => {
                let value = match attached {
                    Some(value) => value,
                    None if config::is_switch(option) => {
                        words.next_if(|next| is_truth(next)).unwrap_or_else(|| "true".to_owned())
                    }
                    None => next_value(&mut words, name)?,
                };
                globals.rbd_options.push((option, config::value(option, &value)?));
            }
            kind => {
                let value = match attached {
                    Some(value) => value,
                    None => next_value(&mut words, name)?,
                };
                globals.note(kind, name, value);
            }
        }
    }
    Ok((globals, kept))
}

/// What a switch takes for its value where it might also stand alone.
fn is_truth(word: &str) -> bool {
    matches!(word, "true" | "false" | "1" | "0")
}

fn next_value(words: &mut impl Iterator<Item = String>, name: &str) -> Result<String, UsageError> {
    words.next().ok_or_else(|| UsageError::ValueMissing(name.to_owned()))
}

enum Kind {
    Other,
    Version,
    Verbose,
    Store,
    CephConf,
    RbdOption(&'static RbdOption),
    /// `--no-` and the name of a switch.
    SwitchedOff(&'static RbdOption),
    Client,
    /// An option of librados, or one that only says how much to log.
    Ceph,
}

fn kind(personality: Personality, name: &str) -> Kind {
    let dashed = name.replace('_', "-");
    if let Some(option) = config::named(&dashed) {
        return Kind::RbdOption(option);
    }
    let off = dashed.strip_prefix("--no-").and_then(|rest| config::named(&format!("--{rest}")));
    if let Some(option) = off.filter(|option| config::is_switch(option)) {
        return Kind::SwitchedOff(option);
    }
    match name {
        "--version" => Kind::Version,
        "-v" | "--verbose" => Kind::Verbose,
        "--store" => Kind::Store,
        "-c" | "--conf" => Kind::CephConf,
        _ if CLIENT.contains(&name) => Kind::Client,
        _ if IDENTITY.iter().any(|(known, _)| *known == name) => Kind::Ceph,
        _ => {
            let long = dashed.strip_prefix("--").unwrap_or_default();
            let is_config = CONFIG_PREFIXES.iter().any(|prefix| long.starts_with(prefix));
            if is_config && personality != Personality::Ceph { Kind::Ceph } else { Kind::Other }
        }
    }
}

impl Globals {
    fn note(&mut self, kind: Kind, name: &str, value: String) {
        match kind {
            Kind::Store => self.store = Some(value),
            Kind::CephConf => self.ceph_conf = Some(value),
            Kind::Client => {
                let id = value.strip_prefix("client.").unwrap_or(&value);
                self.identity.client = Some(id.to_owned());
            }
            Kind::Ceph => {
                let known = IDENTITY.iter().find(|(known, _)| *known == name);
                let option = match known {
                    Some((_, option)) => (*option).to_owned(),
                    None => name.trim_start_matches('-').replace('-', "_"),
                };
                match option.as_str() {
                    "cluster" => self.identity.cluster = Some(value),
                    _ => self.identity.overrides.push((option, value)),
                }
            }
            Kind::Other
            | Kind::Version
            | Kind::Verbose
            | Kind::RbdOption(_)
            | Kind::SwitchedOff(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str) -> (Globals, Vec<String>) {
        take(Personality::Rbd, Vec::new(), line.split_whitespace().map(str::to_owned).collect())
            .unwrap()
    }

    #[test]
    fn options_are_taken_from_anywhere() {
        let (globals, words) = taken(
            "--store dir:x ls --rbd_default_order=23 -l --debug-rbd 20 --rbd-default-features 1",
        );
        assert_eq!(words, ["ls", "-l"]);
        assert_eq!(globals.store.as_deref(), Some("dir:x"));
        let given: Vec<(&str, String)> =
            globals.rbd_options.iter().map(|(o, value)| (o.name, value.to_string())).collect();
        let options = [("rbd_default_order", "23"), ("rbd_default_features", "1")];
        assert_eq!(given, options.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn the_identity_is_kept_for_librados() {
        let (globals, words) =
            taken("ls --id glance -k /k --mon-host=h --cluster ceph --debug-ms 1");
        assert_eq!(words, ["ls"]);
        assert_eq!(globals.identity.client.as_deref(), Some("glance"));
        assert_eq!(globals.identity.cluster.as_deref(), Some("ceph"));
        let expected = [("keyring", "/k"), ("mon_host", "h"), ("debug_ms", "1")];
        assert_eq!(globals.identity.overrides, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(taken("-n client.x ls").0.identity.client.as_deref(), Some("x"));
    }

    #[test]
    fn verbose_alone_asks_for_the_version() {
        assert!(taken("-v").0.version);
        let globals = taken("-v ls").0;
        assert!(globals.verbose && !globals.version);
        assert_eq!(taken("ls -- -v").1, ["ls", "--", "-v"]);
        let unknown = taken("ls --rbd-nonsense 1").1;
        assert_eq!(unknown, ["ls", "--rbd-nonsense", "1"]);
    }
}
