//! The recordings made anew: the same scripts, asked of a live OSD and of us.
//!
//! Needs a cluster: `scripts/test` starts one and names it in `MARCOT_TEST_CEPH_CONF`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::{RECORDINGS, coverage, differences};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/record-class-answers");

/// A folder that is gone when the test ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Folder {
        let name = format!("marcot-classes-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Asks an OSD everything; the answers are files in `folder`.
fn ask(conf: &str, folder: &Path) {
    let mut command = Command::new("/usr/bin/python3");
    let told = command.arg(SCRIPT).arg(conf).arg("--to").arg(folder).output();
    let told = told.expect("/usr/bin/python3 (scripts/install installs python3-rados)");
    let words = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{words}");
}

#[test]
fn a_live_osd_and_ours_answer_alike() {
    let Ok(conf) = std::env::var("MARCOT_TEST_CEPH_CONF") else {
        assert!(std::env::var("CI").is_err(), "MARCOT_TEST_CEPH_CONF is not set");
        eprintln!("no cluster: set MARCOT_TEST_CEPH_CONF (scripts/test does)");
        return;
    };
    let folder = Folder::new();
    ask(&conf, &folder.0);
    let mut texts = Vec::new();
    let mut wrong = String::new();
    for (file, recorded) in RECORDINGS {
        let text = std::fs::read_to_string(folder.0.join(file)).expect("a recording");
        let calls = |text: &str| text.lines().filter(|line| line.starts_with("call ")).count();
        assert_eq!(calls(&text), calls(recorded), "{file} was not recorded by today's script");
        let _ = writeln!(wrong, "{}", differences(&text));
        texts.push(text);
    }
    assert!(wrong.trim().is_empty(), "{wrong}");
    coverage::check(texts.iter().map(|text| &text[..]));
}
