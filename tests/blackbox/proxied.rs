//! Commands on an image that a server has open and locked: the server runs them, its guest goes
//! on, and a server that is killed over one leaves nothing half-done behind.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::disk::Disk;
use crate::store::{Server, Store, told};

const MIB: usize = 1 << 20;
/// What the guest uses; commands cut the disk beyond.
const USED: usize = 2 * MIB;

/// A clone of 4 MiB in small objects that a guest writes to, beside its commands.
struct Running {
    store: Store,
    guest: Disk,
    _server: Server,
    /// What the guest must read.
    content: Vec<u8>,
    writes: u8,
}

impl Running {
    fn start() -> Running {
        let store = Store::new();
        let base: Vec<u8> = (0..4 * MIB).map(|at| (at >> 14) as u8 | 1).collect();
        std::fs::write(store.path("base"), &base).expect("room");
        let path = store.path("base");
        let path = path.to_str().expect("text");
        store.run(&["import", "--no-progress", "--object-size", "256K", path, "base"]);
        store.run(&["snap", "create", "--no-progress", "base@s"]);
        store.run(&["snap", "protect", "base@s"]);
        store.run(&["clone", "base@s", "disk"]);
        let socket = store.path("nbd.sock");
        let server = store.serve("disk", &socket);
        let guest = Disk::connect(&socket);
        let mut running = Running { store, guest, _server: server, content: base, writes: 0 };
        running.guest_goes_on();
        running
    }

    /// The guest writes something new, and reads what it should.
    fn guest_goes_on(&mut self) {
        self.writes += 1;
        let offset = usize::from(self.writes) * 75_000 % USED;
        let data = vec![self.writes; 17_000];
        self.guest.write(offset as u64, &data);
        self.content[offset..offset + data.len()].copy_from_slice(&data);
        let (low, high) = (offset.saturating_sub(MIB), (offset + MIB).min(USED));
        assert!(self.guest.read(low as u64, high - low) == self.content[low..high]);
    }

    /// Who has the exclusive lock.
    fn owner(&self) -> String {
        self.store.run(&["lock", "ls", "disk", "--format", "json"])
    }

    /// Runs a command, which must work and leave the lock where it is.
    fn run(&mut self, words: &[&str]) -> String {
        let owner = self.owner();
        assert!(owner.contains("auto "), "the server has no lock: {owner}");
        let said = self.store.run(words);
        self.guest_goes_on();
        assert_eq!(self.owner(), owner, "{words:?} took the lock away");
        said
    }

    fn check(&mut self, image: &str) {
        let content = self.store.content(image);
        assert!(content[..USED] == self.content[..USED], "{image} holds other bytes");
        let checked = self.store.attempt(&["object-map", "check", "--no-progress", image]);
        assert!(checked.status.success(), "{}", told(&checked));
        let info = self.store.run(&["info", image]);
        assert!(info.contains("flags: \n"), "{info}");
    }
}

#[test]
fn the_server_runs_what_others_ask_for() {
    let mut it = Running::start();
    it.run(&["resize", "--no-progress", "--size", "6M", "disk"]);
    it.run(&["resize", "--no-progress", "--size", "3M", "--allow-shrink", "disk"]);
    assert_eq!(it.store.content("disk").len(), 3 * MIB);
    let before = it.content.clone();
    it.run(&["snap", "create", "--no-progress", "disk@a"]);
    it.run(&["snap", "rename", "disk@a", "disk@b"]);
    it.run(&["snap", "protect", "disk@b"]);
    it.run(&["snap", "unprotect", "disk@b"]);
    assert!(it.store.content("disk@b")[..USED] == before[..USED], "a snapshot changed");
    it.run(&["image-meta", "set", "disk", "key", "value"]);
    assert_eq!(it.run(&["image-meta", "get", "disk", "key"]), "value\n");
    it.run(&["image-meta", "rm", "disk", "key"]);
    it.run(&["config", "image", "set", "disk", "rbd_clone_copy_on_read", "true"]);
    it.run(&["feature", "disable", "disk", "fast-diff"]);
    it.run(&["feature", "enable", "disk", "fast-diff"]);
    it.run(&["object-map", "rebuild", "--no-progress", "disk"]);
    // Otherwise the head's map could not be trusted any more once the snapshot is gone.
    it.run(&["object-map", "rebuild", "--no-progress", "disk@b"]);
    it.guest.write((2 * MIB + MIB / 4) as u64, &vec![0; MIB / 2]);
    it.run(&["sparsify", "--no-progress", "disk"]);
    it.run(&["flatten", "--no-progress", "disk"]);
    assert!(!it.store.run(&["info", "disk"]).contains("parent"), "it was flattened");
    it.run(&["snap", "rm", "--no-progress", "disk@b"]);
    assert_eq!(it.store.run(&["snap", "ls", "disk"]), "");
    let owner = it.owner();
    it.store.run(&["rename", "disk", "other"]);
    it.guest_goes_on();
    assert_eq!(it.store.run(&["lock", "ls", "other", "--format", "json"]), owner);
    it.check("other");
}

#[test]
fn what_the_server_refuses_is_said_in_the_usual_words() {
    let mut it = Running::start();
    it.run(&["snap", "create", "--no-progress", "disk@a"]);
    for (words, code) in [
        (&["snap", "create", "--no-progress", "disk@a"][..], 17),
        (&["snap", "rm", "--no-progress", "disk@none"], 2),
        (&["resize", "--no-progress", "--size", "2M", "disk"], 22),
        (&["rename", "disk", "base"], 17),
        (&["image-meta", "rm", "disk", "none"], 2),
        (&["sparsify", "--no-progress", "--sparse-size", "5000", "disk"], 22),
        (&["feature", "enable", "disk", "fast-diff"], 22),
        (&["snap", "rollback", "--no-progress", "disk@a"], 30),
        (&["rm", "--no-progress", "disk"], 39),
    ] {
        let refused = it.store.attempt(words);
        assert_eq!(refused.status.code(), Some(code), "{words:?}: {}", told(&refused));
        it.guest_goes_on();
    }
    it.store.run(&["snap", "purge", "--no-progress", "disk"]);
    let watched = it.store.attempt(&["rm", "--no-progress", "disk"]);
    assert_eq!(watched.status.code(), Some(16), "{}", told(&watched));
    it.check("disk");
}

/// Begins a command, kills the server's host a moment later, and sees the command through: it
/// works, or says what went wrong and works when repeated.
fn killed_over(it: &mut Running, words: &[&str], delay: Duration, done_before: i32) {
    let mut command = it.store.marcot(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("a process");
    thread::sleep(delay);
    it.store.kill_host();
    let output = child.wait_with_output().expect("an end");
    it.guest_goes_on();
    if !output.status.success() {
        assert!(!output.stderr.is_empty(), "{words:?} failed without a word: {}", output.status);
        let again = it.store.attempt(words);
        let code = again.status.code();
        assert!(code == Some(0) || code == Some(done_before), "{words:?}: {}", told(&again));
        it.guest_goes_on();
    }
}

#[test]
fn a_server_that_is_killed_over_a_request_does_no_harm() {
    let mut it = Running::start();
    for round in 0..2u64 {
        let delay = Duration::from_millis(round * 20);
        let size = format!("{}M", 5 + round);
        killed_over(&mut it, &["resize", "--no-progress", "--size", &size, "disk"], delay, 22);
        let info = it.store.run(&["info", "disk"]);
        assert!(info.contains(&format!("size {} MiB", 5 + round)), "{info}");
        let snap = format!("disk@s{round}");
        let before = it.content.clone();
        killed_over(&mut it, &["snap", "create", "--no-progress", &snap], delay, 17);
        // The guest wrote once more, before or after the snapshot was taken.
        let taken = it.store.content(&snap);
        let differs = |content: &[u8]| taken[..USED] != content[..USED];
        assert!(!differs(&before) || !differs(&it.content), "the snapshot holds other bytes");
        let value = round.to_string();
        killed_over(&mut it, &["image-meta", "set", "disk", "key", &value], delay, 0);
        assert_eq!(it.store.run(&["image-meta", "get", "disk", "key"]), format!("{value}\n"));
        killed_over(&mut it, &["sparsify", "--no-progress", "disk"], delay, 0);
        killed_over(&mut it, &["snap", "rm", "--no-progress", &snap], delay, 2);
        assert_eq!(it.store.run(&["snap", "ls", "disk"]), "");
    }
    killed_over(&mut it, &["flatten", "--no-progress", "disk"], Duration::from_millis(10), 22);
    assert!(!it.store.run(&["info", "disk"]).contains("parent"), "it was flattened");
    it.check("disk");
    let fsck = it.store.run(&["fsck"]);
    assert!(!fsck.contains("error"), "{fsck}");
}
