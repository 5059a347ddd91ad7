//! A pool with a clone of stamped blocks, for tests with several clients at once.

use std::fs;
use std::path::Path;

use super::load::STRIDE;
use super::party::{Commands, Party};

/// An image to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Room for so many of a load's blocks.
    pub(super) blocks: usize,
    pub(super) object_size: &'static str,
}

impl Size {
    const USUAL: Size = Size { blocks: 240, object_size: "1M" };
}

pub(super) struct Stage {
    pub(super) commands: Commands,
    pool: String,
    /// What the parent holds.
    pub(super) before: Vec<u8>,
}

impl Stage {
    /// With a new pool, and in it `parent@s` and its clone `disk`.
    pub(super) fn new(conf: &Path, pool: &str) -> Stage {
        Stage::of(conf, pool, Size::USUAL, "")
    }

    /// The same of another size, and with options of the clone.
    pub(super) fn of(conf: &Path, pool: &str, size: Size, options: &str) -> Stage {
        let commands = make_pool(conf, pool);
        let Size { blocks, object_size } = size;
        let before: Vec<u8> = (0..blocks * STRIDE).map(|at| (at / 4096 % 250) as u8 + 1).collect();
        let file = commands.folder().join("before");
        fs::write(&file, &before).expect("a file");
        let stage = Stage { commands, pool: pool.to_owned(), before };
        for line in [
            format!(
                "import --no-progress --object-size {object_size} {} {pool}/parent",
                file.display()
            ),
            format!("snap create --no-progress {pool}/parent@s"),
            format!("snap protect {pool}/parent@s"),
            format!("clone --object-size {object_size}{options} {pool}/parent@s {pool}/disk"),
        ] {
            stage.must(Party::Ceph, &line);
        }
        stage
    }

    /// `pool/disk`.
    pub(super) fn disk(&self) -> String {
        format!("{}/disk", self.pool)
    }

    /// Runs what must work, `{d}` being the disk.
    pub(super) fn must(&self, party: Party, line: &str) -> String {
        let line = line.replace("{d}", &self.disk());
        match self.commands.must(party, &line) {
            Ok(said) => String::from_utf8_lossy(&said.out).into_owned(),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Whoever watches the disk is treated as dead.
    pub(super) fn shut_out_watchers(&self) {
        let status = self.must(Party::Ceph, "status {d}");
        for watcher in status.split("watcher=").skip(1) {
            let address = watcher.split(' ').next().unwrap_or_default();
            let line = format!("osd blocklist add {address}");
            let output = self.commands.ceph(&line).output().expect("ceph");
            assert!(output.status.success(), "{line}: {output:?}");
        }
    }

    /// Who is shut out of the cluster.
    pub(super) fn blocklist(&self) -> Vec<String> {
        let output = self.commands.ceph("osd blocklist ls").output().expect("ceph");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// That side finds the object map of the disk or of a snapshot of it right.
    pub(super) fn clean(&self, party: Party, name: &str) {
        self.must(party, &format!("--no-progress object-map check {name}"));
        let info = self.must(party, &format!("info {name}"));
        assert!(info.contains("flags: \n"), "{party} finds a wrong object map\n{info}");
    }

    /// All bytes of the disk or of a snapshot of it.
    pub(super) fn content(&self, party: Party, name: &str) -> Vec<u8> {
        let words = ["export", "--no-progress", name, "-"];
        let said = self.commands.run(party, &words);
        assert_eq!(said.code, 0, "export {name}: {said}");
        said.out
    }
}

/// A new pool, and the commands to work on it.
pub(super) fn make_pool(conf: &Path, pool: &str) -> Commands {
    let commands = Commands::new(conf);
    remove_pool(&commands, pool);
    for line in
        [format!("osd pool create {pool} 4"), format!("osd pool application enable {pool} rbd")]
    {
        let output = commands.ceph(&line).output().expect("ceph");
        assert!(output.status.success(), "{line}: {output:?}");
    }
    commands
}

/// Removes a pool if it is there.
pub(super) fn remove_pool(commands: &Commands, pool: &str) {
    let line = format!("osd pool rm {pool} {pool} --yes-i-really-really-mean-it");
    // Another try would find the same; what comes next says so.
    let _ = commands.ceph(&line).output();
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What failed is to be looked at.
        if !std::thread::panicking() {
            remove_pool(&self.commands, &self.pool);
        }
    }
}
