//! Which store a command works on.
//!
//! In this order: `--store`, `-c`, `MARCOT_STORE`, `-m` or `--cluster`, `CEPH_CONF`; then, for those
//! who call us `rbd`, `rados` or `ceph`, the system's Ceph configuration if there is one; else the
//! user's own store. What the command line says and what `CEPH_ARGS` says is one here.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use marcot_connect::{ConnectError, StoreSpec};
use marcot_store::Errno;

use crate::args::global::Globals;
use crate::exit::Failure;
use crate::personality::Personality;

const SYSTEM_CEPH_CONF: &str = "/etc/ceph/ceph.conf";

/// A store and why it is that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) spec: StoreSpec,
    pub(crate) reason: Reason,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    StoreOption,
    ConfOption,
    ClusterOption,
    MarcotStore,
    CephConf,
    SystemCephConf,
    UserStore,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::StoreOption => "from --store",
            Reason::ConfOption => "from -c",
            Reason::ClusterOption => "from -m or --cluster",
            Reason::MarcotStore => "from MARCOT_STORE",
            Reason::CephConf => "from CEPH_CONF",
            Reason::SystemCephConf => "the configuration of this system",
            Reason::UserStore => "your own store",
        })
    }
}

/// Decides for this process.
pub(crate) fn choose(personality: Personality, globals: &Globals) -> Result<Choice, Failure> {
    let environment = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    decide(personality, globals, environment, Path::exists)
}

fn decide(
    personality: Personality,
    globals: &Globals,
    environment: impl Fn(&str) -> Option<OsString>,
    exists: impl Fn(&Path) -> bool,
) -> Result<Choice, Failure> {
    let chosen = |spec, reason| Ok(Choice { spec, reason });
    if let Some(text) = &globals.store {
        return chosen(parse(text)?, Reason::StoreOption);
    }
    if let Some(conf) = &globals.ceph_conf {
        return chosen(StoreSpec::Ceph(conf.into()), Reason::ConfOption);
    }
    if let Some(text) = environment("MARCOT_STORE") {
        return chosen(parse(&text.to_string_lossy())?, Reason::MarcotStore);
    }
    let conf = environment("CEPH_CONF");
    if globals.identity.names_a_cluster() {
        // librados looks for the file of that cluster, and needs none where monitors are named.
        let conf = conf.map(PathBuf::from).unwrap_or_default();
        return chosen(StoreSpec::Ceph(conf), Reason::ClusterOption);
    }
    if let Some(conf) = conf {
        return chosen(StoreSpec::Ceph(conf.into()), Reason::CephConf);
    }
    if personality.is_ceph_tool() && exists(Path::new(SYSTEM_CEPH_CONF)) {
        return chosen(StoreSpec::Ceph(SYSTEM_CEPH_CONF.into()), Reason::SystemCephConf);
    }
    let data = environment("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.or_else(|| {
        environment("HOME").map(|home| PathBuf::from(home).join(".local").join("share"))
    });
    match data {
        Some(data) => chosen(StoreSpec::Dir(data.join("marcot")), Reason::UserStore),
        None => Err(Failure::Store {
            message: "no store: HOME is not set; say --store dir:PATH".to_owned(),
            errno: Errno::NOENT,
        }),
    }
}

/// Reads a store's name.
pub(crate) fn parse(text: &str) -> Result<StoreSpec, Failure> {
    text.parse().map_err(|error: marcot_connect::SpecError| Failure::Store {
        message: error.to_string(),
        errno: Errno::INVAL,
    })
}

/// A store that cannot be reached.
pub(crate) fn failure(error: &ConnectError) -> Failure {
    Failure::Store { message: error.to_string(), errno: error.errno() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 4] = [
        ("MARCOT_STORE", "dir:/env"),
        ("CEPH_CONF", "/env.conf"),
        ("XDG_DATA_HOME", "/data"),
        ("HOME", "/home/me"),
    ];

    fn decided(personality: Personality, globals: &Globals, from: usize) -> Choice {
        let environment = |name: &str| {
            let found = ALL[from..].iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        decide(personality, globals, environment, |_| true).unwrap()
    }

    #[test]
    fn the_first_that_says_something_decides() {
        let nothing = Globals::default();
        let conf = Globals { ceph_conf: Some("/c.conf".to_owned()), ..Globals::default() };
        let both = Globals { store: Some("dir:/s".to_owned()), ..conf.clone() };
        let rbd = |globals, from| decided(Personality::Rbd, globals, from).spec.to_string();
        assert_eq!(rbd(&both, 0), "dir:/s");
        assert_eq!(rbd(&conf, 0), "ceph:/c.conf");
        assert_eq!(rbd(&nothing, 0), "dir:/env");
        assert_eq!(rbd(&nothing, 1), "ceph:/env.conf");
        assert_eq!(rbd(&nothing, 2), "ceph:/etc/ceph/ceph.conf");
        let mut named = Globals::default();
        named.identity.cluster = Some("backup".to_owned());
        assert_eq!((rbd(&named, 1), rbd(&named, 2)), ("ceph:/env.conf".into(), "ceph:".into()));
        assert_eq!(rbd(&named, 0), "dir:/env");
        let mut monitors = Globals::default();
        monitors.identity.overrides.push(("mon_host".to_owned(), "127.0.0.1".to_owned()));
        assert_eq!(rbd(&monitors, 2), "ceph:");
        let marcot = |from| decided(Personality::Marcot, &nothing, from).spec.to_string();
        assert_eq!(marcot(2), "dir:/data/marcot");
        assert_eq!(marcot(3), "dir:/home/me/.local/share/marcot");
    }
}
