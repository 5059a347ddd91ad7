//! Files of the store that were damaged: every command works right or says what is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::{import, noise, refused, run};
use crate::store::{Store, told};

const BLOCK: u64 = 4096;

/// One hurt to a file.
#[derive(Clone, Copy, Debug)]
enum Hurt {
    /// One bit of the byte at that place.
    Flip(u64),
    /// A block of zeros from there on.
    Zero(u64),
    /// The file ends there.
    Cut(u64),
}

fn hurt(file: &Path, hurt: Hurt) {
    let file = fs::OpenOptions::new().read(true).write(true).open(file).expect("it is there");
    let length = file.metadata().expect("it is open").len();
    match hurt {
        Hurt::Flip(at) => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).expect("it lies within");
            byte[0] ^= 1 << (at % 8);
            file.write_all_at(&byte, at).expect("room");
        }
        Hurt::Zero(at) => {
            let zeros = vec![0; BLOCK.min(length - at) as usize];
            file.write_all_at(&zeros, at).expect("room");
        }
        Hurt::Cut(at) => file.set_len(at).expect("it can be cut"),
    }
}

/// A store with images whose content is known, and copies of it to hurt.
struct Specimen {
    store: Store,
    content: BTreeMap<&'static str, Vec<u8>>,
    round: u32,
}

impl Specimen {
    fn new() -> Specimen {
        let store = Store::new();
        let first = noise(1, 2 << 20);
        assert!(import(&store, "first", &first).status.success());
        store.run(&["snap", "create", "--no-progress", "first@s"]);
        store.run(&["snap", "protect", "first@s"]);
        store.run(&["clone", "first@s", "clone"]);
        let second = noise(2, 1 << 20);
        assert!(import(&store, "second", &second).status.success());
        // Enough changes for a checkpoint, and then some that are in the log alone.
        for round in 0..400 {
            store.run(&["image-meta", "set", "first", "key", &format!("{round}")]);
            if store.path("store/meta.redb").exists() {
                break;
            }
        }
        store.run(&["image-meta", "set", "first", "key", "last"]);
        store.run(&["image-meta", "set", "clone", "key", "last"]);
        let content = [("first", first.clone()), ("clone", first), ("second", second)].into();
        fs::rename(store.path("store"), store.path("sound")).expect("nobody uses it");
        Specimen { store, content, round: 0 }
    }

    fn length(&self, file: &str) -> u64 {
        fs::metadata(self.store.path("sound").join(file)).expect("it is there").len()
    }

    /// A fresh copy in the store's place.
    fn renew(&mut self) {
        self.store.end_host();
        let directory = self.store.path("store");
        if directory.exists() {
            fs::remove_dir_all(&directory).expect("it is ours");
        }
        let copied = std::process::Command::new("cp")
            .args(["-a", "--sparse=always"])
            .args([self.store.path("sound"), directory])
            .status();
        assert!(copied.expect("a process").success());
        self.round += 1;
    }

    /// Every command works right or fails with a word; yields whether anything was noticed.
    fn assert_never_wrong(&self, what: &str) -> bool {
        let fsck = run(&self.store.marcot(&["fsck", "--data"]));
        let mut noticed = !fsck.status.success();
        let names = run(&self.store.marcot(&["ls"]));
        noticed |= !names.status.success();
        if names.status.success() {
            let names = String::from_utf8_lossy(&names.stdout).into_owned();
            for name in self.content.keys() {
                assert!(names.lines().any(|line| line == *name), "{what}: lost {name}: {names:?}");
            }
        }
        for (name, content) in &self.content {
            let output = run(&self.store.marcot(&["export", "--no-progress", name, "-"]));
            match output.status.success() {
                true => assert!(output.stdout == *content, "{what}: {name} has other bytes"),
                false => {
                    noticed = true;
                    assert!(!output.stderr.is_empty(), "{what}: export {name} failed silently");
                    let told = told(&fsck);
                    assert!(!fsck.status.success(), "{what}: fsck found nothing: {told}");
                }
            }
        }
        for name in ["first", "clone"] {
            let key = run(&self.store.marcot(&["image-meta", "get", name, "key"]));
            noticed |= !key.status.success();
            if key.status.success() {
                let key = String::from_utf8_lossy(&key.stdout).into_owned();
                assert_eq!(key, "last\n", "{what}: {name} has gone back");
            }
        }
        // Changes as well, and what they leave can be looked at.
        run(&self.store.marcot(&["create", "--size", "1M", "new"]));
        run(&self.store.marcot(&["rm", "--no-progress", "second"]));
        run(&self.store.marcot(&["fsck"]));
        noticed
    }
}

/// Places spread over `0..length`, never two with the same rest.
fn spread(length: u64, count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |index| (length / count * index + index * 37 + 5).min(length - 1))
}

#[test]
fn damaged_bits_and_blocks_never_give_wrong_bytes() {
    let mut specimen = Specimen::new();
    let length = specimen.length("store.dat");
    let superblocks = spread(2 * BLOCK, 4);
    let data = spread(length - (1 << 20), 12).map(|place| (1 << 20) + place);
    let log = spread((1 << 20) - 2 * BLOCK, 12).map(|place| 2 * BLOCK + place);
    let mut noticed = 0;
    for place in superblocks.chain(log).chain(data) {
        for hurt_here in [Hurt::Flip(place), Hurt::Zero(place / BLOCK * BLOCK)] {
            specimen.renew();
            hurt(&specimen.store.path("store").join("store.dat"), hurt_here);
            noticed += u32::from(specimen.assert_never_wrong(&format!("{hurt_here:?}")));
        }
    }
    assert!(noticed > 8, "only {noticed} hurts of {} were noticed", specimen.round);
}

#[test]
fn the_last_record_of_the_log_is_missed() {
    let mut specimen = Specimen::new();
    specimen.renew();
    let file = specimen.store.path("store").join("store.dat");
    let bytes = fs::read(&file).expect("it is there");
    // The last command's records: behind them the first segment was never written.
    let log = &bytes[..1 << 20];
    let last = log.iter().rposition(|byte| *byte != 0).expect("there is a log") as u64;
    hurt(&file, Hurt::Flip(last));
    for command in [&["ls"][..], &["fsck"], &["image-meta", "get", "clone", "key"]] {
        let words = ["log is damaged", "record ", "would lose"];
        refused(&run(&specimen.store.marcot(command)), 5, &words);
    }
}

#[test]
fn a_store_file_that_was_cut_never_gives_wrong_bytes() {
    let mut specimen = Specimen::new();
    let length = specimen.length("store.dat");
    for place in [0, 1, 4095, 4096, 8191, 8192, 9000].into_iter().chain(spread(length, 12)) {
        specimen.renew();
        hurt(&specimen.store.path("store").join("store.dat"), Hurt::Cut(place));
        let noticed = specimen.assert_never_wrong(&format!("cut at {place}"));
        assert!(noticed || place > 1 << 20, "nobody noticed the cut at {place}");
    }
}

#[test]
fn fsck_tells_a_sound_store_from_a_damaged_one() {
    let mut specimen = Specimen::new();
    specimen.renew();
    let report = specimen.store.run(&["fsck", "--data", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["clean"], true);
    // Its last blocks are the second image's data.
    let file = specimen.store.path("store").join("store.dat");
    let bytes = fs::read(&file).expect("it is there");
    let needle = &specimen.content["second"][..64];
    let place = bytes.windows(64).position(|window| window == needle).expect("it is stored");
    hurt(&file, Hurt::Flip(place as u64 + 100));
    refused(&run(&specimen.store.marcot(&["fsck", "--data"])), 1, &["rbd_data", "1 problem"]);
    let export = run(&specimen.store.marcot(&["export", "--no-progress", "second", "-"]));
    refused(&export, 5, &["Input/output error"]);
    assert_eq!(specimen.store.content("first"), specimen.content["first"]);
}

#[test]
fn damaged_or_missing_metadata_is_told() {
    let mut specimen = Specimen::new();
    let length = specimen.length("meta.redb");
    specimen.renew();
    let file = specimen.store.path("store").join("meta.redb");
    fs::remove_file(&file).expect("it is there");
    refused(&run(&specimen.store.marcot(&["ls"])), 5, &["metadata", "missing"]);
    let places: Vec<u64> = spread(length, 10).collect();
    let hurts = places.iter().map(|place| Hurt::Flip(*place));
    let hurts = hurts.chain(places.iter().map(|place| Hurt::Zero(place / BLOCK * BLOCK)));
    for hurt_here in hurts.chain([Hurt::Cut(0), Hurt::Cut(4096), Hurt::Cut(length / 2)]) {
        specimen.renew();
        hurt(&file, hurt_here);
        specimen.assert_never_wrong(&format!("meta.redb: {hurt_here:?}"));
    }
}
