//! One list of operations through both sides, what differs, and the shortest list that differs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use marcot_connect::{Connection, Lifetime, StoreSpec, connect};
use marcot_store::PoolId;
use serde::Deserialize;
use serde_json::json;

use super::dump::{changed_or_clean_alike, dump, names_of, only_in};
use super::judge::{Judge, SILENT};
use super::operation::{Answer, Operation};
use super::ours::Ours;
use super::texts;

/// Tries at making a failing list shorter.
const MOST_TRIES: usize = 120;

/// A list, and how both sides are set.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) seed: u64,
    pub(crate) operations: Vec<Operation>,
}

/// RBD's options, as both sides get them.
pub(crate) type Options = BTreeMap<&'static str, &'static str>;

/// The judge with its pools, and a way to look at its objects.
pub(crate) struct Bench {
    conf: PathBuf,
    names: [(char, String); 2],
    judge: Judge,
    theirs: Connection,
}

/// What the judge read.
#[derive(Deserialize)]
struct Contents {
    sums: BTreeMap<String, u32>,
}

impl Sequence {
    /// What both sides are set to.
    fn options(&self) -> Options {
        // Our default, and Ceph's.
        let granularity = if self.seed.is_multiple_of(2) { "4096" } else { "65536" };
        Options::from([("rbd_discard_granularity_bytes", granularity)])
    }

    /// To be kept in a file and run again.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{{\"seed\": {}}}\n", self.seed);
        for operation in &self.operations {
            let _ = writeln!(text, "{}", serde_json::to_string(operation).expect("json"));
        }
        text
    }

    /// What [`Sequence::text`] printed.
    pub(crate) fn parse(text: &str) -> Sequence {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let first: serde_json::Value =
            serde_json::from_str(lines.next().expect("a seed")).expect("json");
        let operations = lines.map(|line| serde_json::from_str(line).expect("an operation"));
        Sequence { seed: first["seed"].as_u64().expect("a seed"), operations: operations.collect() }
    }
}

impl Bench {
    /// With two new pools, whose names begin with `name`.
    pub(crate) fn new(conf: PathBuf, name: &str) -> Bench {
        let names = [('a', format!("{name}_a")), ('b', format!("{name}_b"))];
        let judge = Judge::start(&conf, &names);
        let theirs = connect(&StoreSpec::Ceph(conf.clone()), Lifetime::Transient).expect("Ceph");
        Bench { conf, names, judge, theirs }
    }

    /// Runs a list; what differs, if anything does.
    pub(crate) fn run(&mut self, sequence: &Sequence) -> Result<(), String> {
        let done = self.compare(sequence);
        if done.as_ref().is_err_and(|how| how.starts_with(SILENT)) {
            self.judge = Judge::start(&self.conf, &self.names);
        }
        done
    }

    fn compare(&mut self, sequence: &Sequence) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let options = sequence.options();
        let path = folder.path().join("store");
        let ours = Ours::new(&path, self.judge.pools(), &options);
        self.judge.ask(&json!({ "op": "begin", "options": options }));
        let _: Answer = self.judge.hear("begin")?;
        for (number, operation) in sequence.operations.iter().enumerate() {
            self.judge.ask(operation);
            let got = ours.run(operation);
            let want: Answer = self.judge.hear(&format!("{operation:?}"))?;
            if want != got {
                return Err(format!("operation {number}: ceph {want:?}, marcot {got:?}"));
            }
        }
        self.compare_contents(&ours)?;
        let rolled_back = names_of(&*ours.connection().store, &self.letters(), &ours.rolled_back());
        self.compare_objects(&ours, &rolled_back)?;
        let unsound = ours.unsound_maps();
        if !unsound.is_empty() {
            return Err(format!("a check finds wrong: {}", unsound.join(", ")));
        }
        ours.close();
        let pools = self.judge.pools();
        texts::compare(sequence.seed, &self.conf, &path, pools, &rolled_back)
    }

    /// Every image and snapshot, byte by byte.
    fn compare_contents(&mut self, ours: &Ours) -> Result<(), String> {
        self.judge.ask(&json!({ "op": "contents" }));
        let want: Contents = self.judge.hear("contents")?;
        let got = ours.contents();
        if want.sums == got {
            return Ok(());
        }
        let mut text = String::new();
        for name in want.sums.keys().chain(got.keys()) {
            let (want, got) = (want.sums.get(name), got.get(name));
            if want != got {
                let _ = writeln!(text, "the bytes of {name}: ceph {want:?}, marcot {got:?}");
            }
        }
        Err(text)
    }

    /// Every object: name, data, omap, attributes.
    fn compare_objects(&self, ours: &Ours, rolled_back: &BTreeSet<String>) -> Result<(), String> {
        let words = self.letters();
        let alike = |lines| changed_or_clean_alike(lines, rolled_back);
        let want = alike(dump(&*self.theirs.store, &words));
        let got = alike(dump(&*ours.connection().store, &words));
        let (only_theirs, only_ours) = (only_in(&want, &got), only_in(&got, &want));
        if only_theirs.is_empty() && only_ours.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for line in only_theirs {
            let _ = writeln!(text, "only ceph has:   {line}");
        }
        for line in only_ours {
            let _ = writeln!(text, "only marcot has: {line}");
        }
        Err(text)
    }

    fn letters(&self) -> Vec<(PoolId, char)> {
        self.judge.pools().iter().map(|(letter, (id, _))| (*id, *letter)).collect()
    }

    /// The shortest list found that fails still, with how it fails.
    pub(crate) fn shrink(&mut self, failed: Sequence, how: String) -> (Sequence, String) {
        let (mut best, mut how) = (failed, how);
        let mut size = best.operations.len() / 2;
        let mut tries = 0;
        while size > 0 {
            let mut at = 0;
            while at < best.operations.len() && tries < MOST_TRIES {
                let mut shorter = best.clone();
                shorter.operations.drain(at..(at + size).min(best.operations.len()));
                tries += 1;
                match self.run(&shorter) {
                    Ok(()) => at += size,
                    Err(text) => (best, how) = (shorter, text),
                }
            }
            size /= 2;
        }
        (best, how)
    }
}
