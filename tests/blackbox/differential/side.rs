//! One side of the comparison: who answers `rbd`, and where its objects are.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use marcot_connect::{Connection, Lifetime, StoreSpec, connect};
use marcot_store::{PoolId, Store};

use super::dump::dump;
use crate::normalise;

const POOL: &str = "rbd_diff";

/// Everything that the pool of a side holds.
pub(crate) fn objects(opened: &Opened) -> Vec<String> {
    dump(&*opened.store(), &[(opened.pool(), 'p')])
}

/// Real Ceph, or ours on a directory of its own.
pub(crate) struct Side {
    folder: tempfile::TempDir,
    spec: StoreSpec,
}

/// An open store; kept as long as it is used, because it holds the directory's lock.
pub(crate) struct Opened(Connection);

impl Opened {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0.store)
    }

    pub(crate) fn pool(&self) -> PoolId {
        let pools = pollster::block_on(self.0.store.list_pools()).expect("pools");
        pools.iter().find(|pool| pool.name == POOL).expect("the pool").id
    }
}

impl Side {
    /// The cluster of `conf`, with a fresh pool.
    pub(crate) fn ceph(conf: PathBuf) -> Side {
        let side = Side::with_input(StoreSpec::Ceph(conf));
        side.run(&format!("ceph osd pool rm {POOL} {POOL} --yes-i-really-really-mean-it"));
        side.make_pool();
        side
    }

    /// A new store whose pool has the same id as the cluster's, because ids are in the records.
    pub(crate) fn marcot(pool: PoolId) -> Side {
        let mut side = Side::with_input(StoreSpec::Memory);
        side.spec = StoreSpec::Dir(side.folder.path().join("store"));
        for name in ["rbd", "rados", "ceph"] {
            symlink(env!("CARGO_BIN_EXE_marcot"), side.folder.path().join("bin").join(name))
                .expect("a link");
        }
        side.run("rbd ls");
        for filler in 2..pool.0 {
            side.run(&format!("ceph osd pool create filler{filler}"));
        }
        side.make_pool();
        assert_eq!(side.pool(), pool, "the pools' ids differ");
        side
    }

    fn with_input(spec: StoreSpec) -> Side {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("bin")).expect("a folder");
        std::fs::write(folder.path().join("input"), input()).expect("the input");
        Side { folder, spec }
    }

    fn make_pool(&self) {
        self.run(&format!("ceph osd pool create {POOL} 8"));
        let made = self.run(&format!("rbd pool init {POOL}"));
        assert!(made.starts_with("exit 0"), "{made}");
    }

    /// Runs a command; yields its exit code, output and messages, normalised.
    pub(crate) fn run(&self, command: &str) -> String {
        let output = self.command(command).output().expect("run a command");
        let mut text = format!("exit {}\n", output.status.code().unwrap_or(-1));
        for line in normalise::stdout(&String::from_utf8_lossy(&output.stdout)) {
            text.push_str(&format!("  {line}\n"));
        }
        for line in normalise::stderr(&String::from_utf8_lossy(&output.stderr)) {
            // What Ceph only logs, ours says in lines of its own.
            if !line.starts_with("marcot: ") {
                text.push_str(&format!("  ! {line}\n"));
            }
        }
        text
    }

    fn command(&self, command: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("timeout");
        shell
            .args(["60", "sh", "-c", command])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("TZ", "UTC");
        match &self.spec {
            StoreSpec::Ceph(conf) => {
                shell.env("CEPH_CONF", conf);
                shell.env("CEPH_ARGS", "--log-to-stderr=false --err-to-stderr=false");
            }
            spec => {
                shell.env("MARCOT_STORE", spec.to_string());
                shell.env_remove("CEPH_CONF").env_remove("CEPH_ARGS");
            }
        }
        shell
    }

    /// The objects of this side, through the store contract.
    pub(crate) fn open(&self) -> Opened {
        Opened(connect(&self.spec, Lifetime::Transient).expect("connect"))
    }

    pub(crate) fn pool(&self) -> PoolId {
        self.open().pool()
    }

    /// `image` and `image@snapshot` for all there are.
    pub(crate) fn images_and_snapshots(&self) -> BTreeSet<String> {
        let listed = self.json(&format!("rbd -p {POOL} ls -l --format json"));
        let entries = listed.as_array().expect("a list");
        entries
            .iter()
            .map(|entry| {
                let image = entry["image"].as_str().expect("a name");
                match entry["snapshot"].as_str() {
                    Some(snapshot) => format!("{image}@{snapshot}"),
                    None => image.to_owned(),
                }
            })
            .collect()
    }

    fn json(&self, command: &str) -> serde_json::Value {
        let output = self.command(command).output().expect("run a command");
        serde_json::from_slice(&output.stdout).expect("json")
    }

    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        let command = format!("rbd export --no-progress {POOL}/{name} -");
        let output = self.command(&command).output().expect("run a command");
        assert!(output.status.success(), "{command} failed");
        output.stdout
    }
}

/// 13 MiB and a bit: text, a hole of whole objects, zeros inside an object, an odd end.
fn input() -> Vec<u8> {
    let mut bytes = vec![0; (13 << 20) + 777];
    for (number, byte) in bytes.iter_mut().enumerate() {
        let in_hole = (4 << 20..8 << 20).contains(&number) || (number >> 12) % 5 == 3;
        if !in_hole {
            *byte = (number.wrapping_mul(2_654_435_761) >> 13) as u8;
        }
    }
    bytes
}
