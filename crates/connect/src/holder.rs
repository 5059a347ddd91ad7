//! Who holds a store's lock, for messages to people. Never for decisions.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A process that has the store open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    /// Its command line, as far as it may be seen.
    pub command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command.as_str() {
            "" => write!(f, "process {}", self.pid),
            command => write!(f, "process {} ({command})", self.pid),
        }
    }
}

/// The process that locks one of the files in `directory`; `None` when the kernel does not tell.
pub(crate) fn holder(directory: &Path) -> Option<Holder> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let files = fs::read_dir(directory).ok()?;
    let inodes: Vec<u64> =
        files.flatten().filter_map(|file| Some(file.metadata().ok()?.ino())).collect();
    let pid = locking_pid(&locks, &inodes)?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    Some(Holder { pid, command: printable(&command) })
}

/// Finds an exclusive `flock` on one of the inodes. A line reads
/// `3: FLOCK  ADVISORY  WRITE 4711 fe:01:131094 0 EOF`; waiters have `->` before the kind.
fn locking_pid(locks: &str, inodes: &[u64]) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (kind, _, mode) = (fields.next()?, fields.next()?, fields.next()?);
        let (pid, file) = (fields.next()?, fields.next()?);
        let inode = file.rsplit(':').next()?.parse().ok()?;
        let ours = kind == "FLOCK" && mode == "WRITE" && inodes.contains(&inode);
        ours.then(|| pid.parse().ok()).flatten()
    })
}

/// The arguments in one line, without what could confuse a terminal, and not endless.
fn printable(command: &[u8]) -> String {
    let text = String::from_utf8_lossy(command);
    let words: Vec<&str> = text.split('\0').filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_of_the_right_file_is_found() {
        let locks = "1: FLOCK  ADVISORY  WRITE 11 fe:01:5 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 12 fe:01:7 0 EOF\n\
                     3: FLOCK  ADVISORY  READ  13 fe:01:7 0 EOF\n\
                     4: -> FLOCK  ADVISORY  WRITE 14 fe:01:7 0 EOF\n\
                     5: FLOCK  ADVISORY  WRITE 15 fe:01:7 0 EOF\n\
                     nonsense\n";
        assert_eq!(locking_pid(locks, &[7]), Some(15));
        assert_eq!(locking_pid(locks, &[8]), None);
    }

    #[test]
    fn a_held_lock_names_this_process() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(holder(directory.path()), None);
        let file = fs::File::create(directory.path().join("x")).unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
        assert_eq!(holder(directory.path()).unwrap().pid, std::process::id());
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable(b"rbd\0\x1b[2J\0ls\0"), "rbd [2J ls");
    }
}
