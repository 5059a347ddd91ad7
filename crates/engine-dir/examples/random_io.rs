//! How many random 4 KiB operations a second one store does in process, and what it costs.
//!
//! `cargo run --release -p marcot-engine-dir --example random_io -- DIRECTORY [SECONDS]`

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use marcot_engine_dir::{CreateOptions, DirEngine, OpenError, OpenOptions};
use marcot_store::class::NoClasses;
use marcot_store::{ObjectId, PoolId, ReadOp, ReadStep, SnapId, Store, WriteOp, WriteStep};
use marcot_testkit::{Random, ThreadEnv};

const OBJECTS: u64 = 256;
const BLOCKS: u64 = 1024;
const BLOCK: u64 = 4096;

fn object(number: u64) -> ObjectId {
    ObjectId::new(PoolId(1), "", format!("rbd_data.1003d1d7a1d5.{number:016x}"))
}

/// Time that this thread has spent on a CPU: what it would take on a machine of its own.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

struct Bench {
    store: Arc<dyn Store>,
    objects: Vec<ObjectId>,
    random: Random,
    time: Duration,
}

impl Bench {
    fn place(&mut self) -> (ObjectId, u64) {
        let object = self.random.below(OBJECTS) as usize;
        (self.objects[object].clone(), self.random.below(BLOCKS) * BLOCK)
    }

    fn measure(&mut self, name: &str, mut one: impl FnMut(&mut Bench)) {
        let (start, busy) = (Instant::now(), busy());
        let mut count = 0u64;
        while start.elapsed() < self.time {
            for _ in 0..16 {
                one(self);
            }
            count += 16;
        }
        let seconds = start.elapsed().as_secs_f64();
        let rate = count as f64 / seconds;
        let busy = self::busy().saturating_sub(busy).as_secs_f64() / count as f64 * 1e6;
        println!("{name:<28} {rate:>10.0} /s {:>8.1} us, {busy:.1} us of CPU", 1e6 / rate);
    }

    fn write(&mut self, data: &Bytes) {
        let (object, offset) = self.place();
        let data = data.clone();
        let op = WriteOp::new(vec![WriteStep::Write { offset, data }]).ordered();
        pollster::block_on(self.store.write(&object, op)).expect("there is room");
    }

    fn read(&mut self) {
        let (object, offset) = self.place();
        let op = ReadOp::single(ReadStep::Read { offset, length: BLOCK });
        pollster::block_on(self.store.read(&object, SnapId::HEAD, op)).expect("it is there");
    }
}

fn main() {
    let mut arguments = env::args().skip(1);
    let path = PathBuf::from(arguments.next().expect("usage: random_io DIRECTORY [SECONDS]"));
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let env = Arc::new(ThreadEnv::new(1));
    match DirEngine::create(&path, &CreateOptions::new(env.clone())) {
        Ok(()) | Err(OpenError::Exists { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    let options = OpenOptions::new(Arc::new(NoClasses), env);
    let engine = DirEngine::open(&path, options).expect("it is ours");
    let mut bench = Bench {
        store: engine.client(),
        objects: (0..OBJECTS).map(object).collect(),
        random: Random::new(1),
        time: Duration::from_secs(seconds),
    };
    let large = Bytes::from(vec![7; (BLOCKS * BLOCK) as usize]);
    let start = Instant::now();
    for id in &bench.objects {
        let write = WriteStep::Write { offset: 0, data: large.clone() };
        let op = WriteOp::new(vec![write]).ordered();
        pollster::block_on(bench.store.write(id, op)).expect("there is room");
    }
    let megabytes = OBJECTS as f64 * 4.0 / start.elapsed().as_secs_f64();
    println!("{:<28} {megabytes:>10.0} MiB/s", "sequential write, 4 MiB");
    pollster::block_on(bench.store.flush()).expect("the disk works");
    let data = Bytes::from(vec![9; BLOCK as usize]);
    bench.measure("random write, 4 KiB", |bench| bench.write(&data));
    bench.measure("random read, 4 KiB", Bench::read);
    bench.measure("random write + flush", |bench| {
        bench.write(&data);
        pollster::block_on(bench.store.flush()).expect("the disk works");
    });
    let start = Instant::now();
    engine.checkpoint().expect("there is room");
    println!("{:<28} {:>10.1} ms", "checkpoint", start.elapsed().as_secs_f64() * 1e3);
    drop((bench, engine));
    let start = Instant::now();
    let options = OpenOptions::new(Arc::new(NoClasses), Arc::new(ThreadEnv::new(1)));
    let engine = DirEngine::open(&path, options).expect("it is ours");
    println!("{:<28} {:>10.1} ms", "open", start.elapsed().as_secs_f64() * 1e3);
    drop(engine);
}
