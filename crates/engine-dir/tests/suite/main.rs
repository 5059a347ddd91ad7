//! The contract's suite, the model, and power cuts, on this engine.

mod checkpoints;
mod power;
mod sessions;
mod space;

use std::sync::Arc;

use marcot_engine_dir::device::{MemoryVolume, Volume};
use marcot_engine_dir::{CreateOptions, Depth, DirEngine, OpenOptions, Threads};
use marcot_testkit::{SampleClasses, Subject, ThreadEnv, model};

/// A store in memory that makes a checkpoint after so many bytes of log.
fn engine(checkpoint_bytes: u64, threads: Threads) -> Arc<DirEngine> {
    let env = Arc::new(ThreadEnv::new(1));
    let volume = MemoryVolume::new();
    let create = CreateOptions { log_bytes: 32 << 10, ..CreateOptions::new(env.clone()) };
    DirEngine::create_on(&*volume, &create).expect("memory does not fail");
    let options = OpenOptions::new(Arc::new(SampleClasses), env);
    let options = OpenOptions { threads, checkpoint_bytes, ..options };
    DirEngine::open_volume(volume as Arc<dyn Volume>, options).expect("it was just made")
}

mod threaded {
    pub(crate) fn open() -> marcot_testkit::Subject {
        let engine = super::engine(64 << 10, super::Threads::Own);
        marcot_testkit::Subject::new(move || engine.client())
    }

    marcot_testkit::conformance!(crate::threaded::open);
}

/// With a checkpoint after almost every operation: nothing may depend on what is in memory.
mod forgetful {
    pub(crate) fn open() -> marcot_testkit::Subject {
        let engine = super::engine(300, super::Threads::None);
        marcot_testkit::Subject::new(move || engine.client())
    }

    marcot_testkit::conformance!(crate::forgetful::open);
}

#[test]
fn random_operations_do_what_the_model_says() {
    for seed in 0..30 {
        for checkpoint_bytes in [300, 5000, 1 << 20] {
            let engine = engine(checkpoint_bytes, Threads::None);
            let clients = Arc::clone(&engine);
            let subject = Subject::new(move || clients.client());
            model::compare(&subject, seed, 120);
            let report = engine.check(Depth::Data).expect("memory does not fail");
            assert!(report.is_clean(), "seed {seed}: {:#?}", report.problems);
        }
    }
}
