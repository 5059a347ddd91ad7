//! Many random lists through both sides, a few at a time.
//!
//! `MARCOT_DIFFERENTIAL_SEEDS=FIRST..END` runs others than the everyday ones (`just differential`
//! does); `MARCOT_DIFFERENTIAL_REPLAY=FILE` runs the one that a failure printed.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::judge::SILENT;
use super::sequence::{Bench, Sequence};
use super::{cluster, generate};

/// What one list does to a cluster on loopback is mostly waiting.
const WORKERS: usize = 6;
const LENGTH: usize = 50;
const EVERYDAY: (u64, u64) = (0, 200);
/// Enough to see what they have in common.
const MOST_FAILURES: usize = 3;

#[test]
fn ceph_and_marcot_agree_on_random_lists() {
    let Some(conf) = cluster() else { return };
    if let Some(file) = std::env::var_os("MARCOT_DIFFERENTIAL_REPLAY") {
        let text = std::fs::read_to_string(file).expect("the file");
        let sequence = Sequence::parse(&text);
        if let Err(how) = Bench::new(conf, "replay").run(&sequence) {
            panic!("{how}");
        }
        return;
    }
    let (first, end) = seeds();
    let next = AtomicU64::new(first);
    let reports = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (conf, next, reports) = (&conf, &next, &reports);
            let seeds =
                move || Some(next.fetch_add(1, Ordering::SeqCst)).filter(|seed| *seed < end);
            scope.spawn(move || work(conf, worker, &seeds, reports));
        }
    });
    let reports = reports.into_inner().expect("no panic");
    assert!(reports.is_empty(), "\n{}", reports.join("\n"));
}

fn seeds() -> (u64, u64) {
    let Ok(text) = std::env::var("MARCOT_DIFFERENTIAL_SEEDS") else { return EVERYDAY };
    let (first, end) = text.split_once("..").expect("FIRST..END");
    (first.parse().expect("a number"), end.parse().expect("a number"))
}

/// Runs lists until there are no more, or enough have failed.
fn work(conf: &Path, worker: usize, seeds: &dyn Fn() -> Option<u64>, reports: &Mutex<Vec<String>>) {
    let mut bench = Bench::new(conf.to_owned(), &format!("differential{worker}"));
    while reports.lock().expect("no panic").len() < MOST_FAILURES
        && let Some(seed) = seeds()
    {
        let sequence = Sequence { seed, operations: generate::operations(seed, LENGTH) };
        let mut done = bench.run(&sequence);
        if done.as_ref().is_err_and(|how| how.starts_with(SILENT)) {
            // Once may be the machine's fault.
            done = bench.run(&sequence);
        }
        if let Err(how) = done {
            let (shortest, how) = bench.shrink(sequence, how);
            reports.lock().expect("no panic").push(format!(
                "seed {seed}: {how}\nMARCOT_DIFFERENTIAL_REPLAY of these lines shows it again:\n{}",
                shortest.text()
            ));
        }
    }
}
