//! How long a read of what is in memory takes beside a client whose objects are not: what the lock
//! of the core costs others.
//!
//! `cargo run --release -p marcot-engine-dir --example beside_cold -- DIRECTORY` reads a store that
//! has thousands of objects and a checkpoint, such as `scripts/bench/run flatten` makes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use marcot_engine_dir::{DirEngine, OpenOptions};
use marcot_store::class::NoClasses;
use marcot_store::{ListQuery, ObjectId, PoolId, ReadOp, ReadStep, SnapId, Store};
use marcot_testkit::ThreadEnv;
use pollster::block_on;

fn objects(store: &dyn Store) -> Vec<ObjectId> {
    let (mut objects, mut cursor) = (Vec::new(), None);
    loop {
        let query = ListQuery { pool: PoolId(1), namespace: None, cursor, max: 1024 };
        let page = block_on(store.list_objects(query)).expect("there is a pool");
        objects.extend(page.objects);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return objects,
        }
    }
}

fn stat(store: &dyn Store, object: &ObjectId) {
    let op = ReadOp::single(ReadStep::Stat);
    block_on(store.read(object, SnapId::HEAD, op)).expect("it is there");
}

fn main() {
    let path = std::env::args().nth(1).map(PathBuf::from);
    let path = path.expect("usage: beside_cold DIRECTORY");
    let open = || {
        let options = OpenOptions::new(Arc::new(NoClasses), Arc::new(ThreadEnv::new(1)));
        DirEngine::open(&path, options).expect("it is ours")
    };
    let objects = objects(&*open().client());
    let metadata = std::fs::File::open(path.join("meta.redb")).expect("there is a checkpoint");
    rustix::fs::fadvise(&metadata, 0, None, rustix::fs::Advice::DontNeed).expect("it is a file");
    let engine = open();
    let (warm, cold) = objects.split_first().expect("there are objects");
    let store = engine.client();
    stat(&*store, warm);
    let done = AtomicBool::new(false);
    let mut microseconds: Vec<f64> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let store = engine.client();
            let begun = Instant::now();
            cold.iter().step_by(7).for_each(|object| stat(&*store, object));
            let each = begun.elapsed().as_secs_f64() * 1e6 / (cold.len() / 7) as f64;
            println!("{} cold look-ups, {each:.0} us each", cold.len() / 7);
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let begun = Instant::now();
            stat(&*store, warm);
            microseconds.push(begun.elapsed().as_secs_f64() * 1e6);
            std::thread::sleep(std::time::Duration::from_micros(100));
        }
    });
    microseconds.sort_by(f64::total_cmp);
    let at = |part: f64| microseconds[((microseconds.len() - 1) as f64 * part) as usize];
    println!(
        "{} reads beside them: p50 {:.1} us, p90 {:.1}, p99 {:.1}, worst {:.1}",
        microseconds.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
