//! A writer of stamped blocks (`stamper.py`) as a process of its own, and what its blocks tell.

use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Where blocks are, as `stamper.py` has it.
pub(super) const STRIDE: usize = 64 << 10;
const LENGTH: usize = 4096;

/// How long a load may take to come on, with everything that a cluster waits for.
const PATIENCE: Duration = Duration::from_secs(100);

/// Blocks of an image that one writer stamps.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) blocks: Range<u64>,
    /// Tells writers of the same blocks apart.
    pub(super) generation: u64,
}

/// How a writer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was asked to.
    Asked,
    /// A write failed, with this.
    Failed(String),
}

/// A writer at work.
pub(super) struct Load {
    child: Child,
    acknowledged: Arc<AtomicU64>,
    end: mpsc::Receiver<(Ended, u64)>,
    lane: Lane,
}

impl Load {
    /// Begins to write through an NBD server, and waits for the first stamps.
    pub(super) fn through_nbd(uri: &str, lane: Lane) -> Load {
        Load::start(&["nbd", uri], lane)
    }

    /// The same through librbd.
    pub(super) fn through_librbd(conf: &Path, image: &str, lane: Lane) -> Load {
        Load::start(&["rbd", conf.to_str().expect("text"), image], lane)
    }

    fn start(words: &[&str], lane: Lane) -> Load {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/blackbox/interop/stamper.py");
        let count = lane.blocks.end - lane.blocks.start;
        let numbers = [lane.blocks.start, count, lane.generation].map(|number| number.to_string());
        // Debian's own: another one that comes first in PATH lacks the modules.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args(words).args(numbers).env_remove("CEPH_ARGS");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (told, end) = mpsc::channel();
        let count = Arc::clone(&acknowledged);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let words: Vec<&str> = line.split(' ').collect();
                let number = words.last().and_then(|word| word.parse().ok()).unwrap_or(0);
                let ended = match words[..] {
                    [_] => {
                        count.store(number, Ordering::SeqCst);
                        continue;
                    }
                    ["end", _] => Ended::Asked,
                    _ => Ended::Failed(words[1..words.len() - 1].join(" ")),
                };
                // Who does not wait for it need not know.
                let _ = told.send((ended, number));
            }
        });
        let load = Load { child, acknowledged, end, lane };
        load.comes_on();
        load
    }

    /// Waits until more stamps are acknowledged than now: the load goes on.
    pub(super) fn comes_on(&self) {
        let before = self.acknowledged.load(Ordering::SeqCst);
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::SeqCst) <= before + 1 {
            assert!(Instant::now() < deadline, "{:?} stands still at {before}", self.lane);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The last stamp that was told to be acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Ends it; how it ended, and its last acknowledged stamp.
    pub(super) fn stop(mut self) -> (Ended, u64) {
        if let Some(mut input) = self.child.stdin.take() {
            // One that failed does not listen any more.
            let _ = writeln!(input, "stop");
        }
        self.end.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{:?} hangs", self.lane))
    }

    /// Ends it without a last word; a stamp that was acknowledged, perhaps not the last.
    pub(super) fn kill(mut self) -> u64 {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.acknowledged()
    }

    /// Waits until a write fails; with what, and the last acknowledged stamp.
    pub(super) fn fails(self) -> (String, u64) {
        match self.end.recv_timeout(PATIENCE) {
            Ok((Ended::Failed(what), acknowledged)) => (what, acknowledged),
            other => panic!("{:?} should have failed: {other:?}", self.lane),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lane {
    /// Checks that the blocks are as they were at one moment between two stamps; yields the number
    /// of the last that was written. Blocks without a stamp hold what `before` has.
    pub(super) fn moment(&self, bytes: &[u8], before: &[u8]) -> Result<u64, String> {
        let mut last = 0;
        let mut stamps = Vec::new();
        for block in self.blocks.clone() {
            let at = block as usize * STRIDE;
            let stamp = self.stamp(block, &bytes[at..at + LENGTH], &before[at..at + LENGTH])?;
            last = last.max(stamp.unwrap_or(0));
            stamps.push(stamp);
        }
        for (index, stamp) in stamps.into_iter().enumerate() {
            let want = self.last_of(index as u64, last);
            if stamp != want {
                let block = self.blocks.start + index as u64;
                return Err(format!(
                    "block {block} holds stamp {stamp:?}, but {want:?} came before {last}, which \
                     is there"
                ));
            }
        }
        Ok(last)
    }

    /// Checks that all bytes but those of the blocks are as `before` has them.
    pub(super) fn rest_is(&self, bytes: &[u8], before: &[u8]) -> Result<(), String> {
        let ours =
            |at: usize| at.is_multiple_of(STRIDE) && self.blocks.contains(&((at / STRIDE) as u64));
        let pages = bytes.chunks(LENGTH).zip(before.chunks(LENGTH)).enumerate();
        let changed = pages
            .map(|(page, pair)| (page * LENGTH, pair))
            .find(|(at, (now, then))| now != then && !ours(*at));
        match changed {
            None if bytes.len() == before.len() => Ok(()),
            None => Err(format!("{} bytes, not {}", bytes.len(), before.len())),
            Some((at, _)) => Err(format!("nobody wrote at {at}, and it has changed")),
        }
    }

    fn stamp(&self, block: u64, bytes: &[u8], before: &[u8]) -> Result<Option<u64>, String> {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        if bytes == before {
            return Ok(None);
        }
        if bytes.chunks(16).any(|chunk| chunk != &bytes[..16]) {
            return Err(format!("block {block} is torn"));
        }
        match number(0) == self.generation {
            true => Ok(Some(number(8))),
            false => Err(format!("block {block} holds stamps of {}", number(0))),
        }
    }

    /// The youngest stamp up to `last` that went to a block.
    fn last_of(&self, index: u64, last: u64) -> Option<u64> {
        let count = self.blocks.end - self.blocks.start;
        (1..=last).rev().take(count as usize).find(|number| number * 7 % count == index)
    }
}

#[test]
fn a_torn_moment_is_found() {
    let lane = Lane { blocks: 1..6, generation: 3 };
    let before = vec![9; 6 * STRIDE];
    let at = |last: u64, skipped: u64| {
        let mut bytes = before.clone();
        for number in (1..=last).filter(|number| *number != skipped) {
            let from = (1 + number * 7 % 5) as usize * STRIDE;
            let stamp = [3u64.to_le_bytes(), number.to_le_bytes()].concat();
            bytes[from..from + LENGTH].copy_from_slice(&stamp.repeat(LENGTH / 16));
        }
        bytes
    };
    assert_eq!(lane.moment(&at(0, 0), &before), Ok(0));
    assert_eq!(lane.moment(&at(13, 0), &before), Ok(13));
    assert!(lane.moment(&at(13, 12), &before).is_err());
    let mut torn = at(13, 0);
    torn[STRIDE + 600] ^= 1;
    assert!(lane.moment(&torn, &before).is_err());
}
