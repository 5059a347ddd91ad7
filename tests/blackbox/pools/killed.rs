//! Copies to a cluster and from it that are killed on the way, again and again; a copy that somebody
//! else changed; a name that is taken.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Signal, kill_process};

use super::{all, ceph, fill, own_ceph, rbd, remove_pools, same};
use crate::differential::cluster;
use crate::store::{Store, told};

/// Where it is killed, in percent; the comparison begins at half of it.
const ENDS: [u64; 4] = [3, 20, 45, 70];

/// A copy on its way.
struct Copy {
    child: Child,
    progress: ChildStderr,
    said: String,
}

impl Copy {
    /// Begins one and waits until it says to have come that far.
    fn until(store: &Store, words: &[&str], percent: u64) -> Copy {
        let mut child = store.marcot(words).stderr(Stdio::piped()).spawn().expect("a process");
        let progress = child.stderr.take().expect("it is a pipe");
        let mut copy = Copy { child, progress, said: String::new() };
        let mut byte = [0];
        while copy.shown().last().is_none_or(|last| *last < percent) {
            let read = copy.progress.read(&mut byte).expect("a pipe");
            assert_eq!(read, 1, "it ended at {}", copy.said);
            copy.said.push(char::from(byte[0]));
        }
        copy
    }

    /// How far it said to be, each time.
    fn shown(&self) -> Vec<u64> {
        let parts = self.said.split("Copying pools: ").skip(1);
        parts.flat_map(|part| part.split_once('%')?.0.parse().ok()).collect()
    }

    /// With the host that works for it.
    fn kill(mut self, store: &Store) -> Vec<u64> {
        self.child.kill().expect("ours to kill");
        store.end_host();
        assert!(!self.child.wait().expect("an end").success(), "{}", self.said);
        self.shown()
    }
}

/// Ceph's own `rados`, which must work.
fn rados(conf: &Path, words: &[&str]) -> String {
    let mut rados = Command::new("timeout");
    let output = rados.args(["-s", "KILL", "20", "rados", "-c"]).arg(conf).args(words).output();
    let output = output.expect("a process");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn copies_to_and_from_ceph_go_on_where_they_were_killed() {
    let Some(conf) = cluster() else { return };
    let (from, back) = (Store::new(), Store::new());
    let names = ["", "-other"].map(|end| format!("killed-{}{end}", std::process::id()));
    let pools = (&names[0][..], &names[1][..]);
    fill(&from, pools);
    let there = format!("ceph:{}", conf.display());
    let words = |verb, option| ["pool", verb, pools.0, pools.1, option, &there];

    for percent in ENDS {
        let shown = Copy::until(&from, &words("push", "--to"), percent).kill(&from);
        assert!(shown.is_sorted() && !shown.is_empty(), "{shown:?}");
        let listed = rbd(&conf, &["ls", pools.0]);
        assert!(listed.is_empty() || percent > 40, "an image is there before all of it is");
    }
    assert!(from.run(&words("push", "--to")).ends_with("objects, compared\n"));
    for pool in [pools.0, pools.1] {
        let listed = rbd(&conf, &["ls", "-l", pool]);
        assert_eq!(String::from_utf8_lossy(&listed), from.run(&["ls", "-l", pool]));
    }
    for image in all(pools) {
        let theirs = rbd(&conf, &["export", "--no-progress", &image, "-"]);
        assert!(from.content(&image) == theirs, "{image}");
    }
    // A pool that holds something is no place for another.
    let again = from.attempt(&words("push", "--to"));
    assert!(again.status.code() == Some(17) && told(&again).contains(pools.0), "{}", told(&again));

    for percent in ENDS {
        Copy::until(&back, &words("pull", "--from"), percent).kill(&back);
        let listed = back.run(&["ls", pools.0]);
        assert!(listed.is_empty() || percent > 40, "an image is there before all of it is");
    }
    assert!(back.run(&words("pull", "--from")).ends_with("objects, compared\n"));
    same(&from, &back, pools);
    back.end_host();
    assert!(back.run(&["fsck"]).contains("clean"));
    remove_pools(&conf, &[pools.0, pools.1]);
}

#[test]
fn bytes_that_changed_on_the_way_are_found() {
    let Some(conf) = cluster() else { return };
    let from = Store::new();
    let pool = format!("changed-{}", std::process::id());
    let image = format!("{pool}/a");
    own_ceph(&from, &["osd", "pool", "create", &pool]);
    from.run(&["create", &image, "--size", "24M", "--object-size", "1M"]);
    from.run(&["bench", "--io-type", "write", "--io-total", "24M", "--io-size", "1M", &image]);
    let there = format!("ceph:{}", conf.display());
    let push = ["pool", "push", &pool, "--to", &there];
    // All is there by then, and not all of it compared.
    let mut copy = Copy::until(&from, &push, 50);
    let host = from.host().expect("a host");
    kill_process(host, Signal::STOP).expect("ours to stop");
    let byte = from.path("byte");
    fs::write(&byte, "?").expect("a file");
    let byte = byte.to_str().expect("text");
    let objects = rados(&conf, &["-p", &pool, "ls"]);
    for data in objects.lines().filter(|name| name.starts_with("rbd_data.")) {
        rados(&conf, &["-p", &pool, "put", "--offset", "4097", data, byte]);
    }
    kill_process(host, Signal::CONT).expect("ours to let go on");
    copy.progress.read_to_string(&mut copy.said).expect("text");
    assert!(!copy.child.wait().expect("an end").success(), "{}", copy.said);
    assert!(copy.said.contains("differs from its copy in its data"), "{}", copy.said);

    // The next one sets it right, what has been compared before as well.
    assert!(from.run(&push).ends_with("objects, compared\n"));
    assert!(from.content(&image) == rbd(&conf, &["export", "--no-progress", &image, "-"]));
    remove_pools(&conf, &[&pool]);
}

/// An image of somebody else's stays what it is.
#[test]
fn a_name_that_is_taken_on_the_cluster_is_refused() {
    let Some(conf) = cluster() else { return };
    let from = Store::new();
    let pool = format!("taken-{}", std::process::id());
    own_ceph(&from, &["osd", "pool", "create", &pool]);
    from.run(&["create", &format!("{pool}/a"), "--size", "8M"]);
    ceph(&conf, &["osd", "pool", "create", &pool, "2"]);
    rbd(&conf, &["pool", "init", &pool]);
    rbd(&conf, &["create", "--size", "4M", &format!("{pool}/a")]);
    let before = rbd(&conf, &["info", &format!("{pool}/a")]);
    let there = format!("ceph:{}", conf.display());
    let refused = from.attempt(&["pool", "push", &pool, "--to", &there]);
    assert_eq!(refused.status.code(), Some(17), "{}", told(&refused));
    assert!(told(&refused).contains(&format!("'{pool}'")), "{}", told(&refused));
    assert_eq!(rbd(&conf, &["info", &format!("{pool}/a")]), before);
    remove_pools(&conf, &[&pool]);
}
