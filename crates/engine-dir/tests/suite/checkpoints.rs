//! Checkpoints, and stores opened from them.

use std::sync::Arc;

use marcot_engine_dir::device::{SimulatedVolume, Volume};
use marcot_engine_dir::{CreateOptions, Depth, DirEngine, OpenOptions, Threads};
use marcot_store::{ObjectId, PoolId, ReadOp, ReadStep, SnapId, WriteOp, WriteStep};
use marcot_testkit::{SampleClasses, ThreadEnv};
use pollster::block_on;

fn open(volume: &Arc<SimulatedVolume>) -> Arc<DirEngine> {
    let options = OpenOptions::new(Arc::new(SampleClasses), Arc::new(ThreadEnv::new(1)));
    let options = OpenOptions { threads: Threads::None, ..options };
    DirEngine::open_volume(Arc::clone(volume) as Arc<dyn Volume>, options).expect("it opens")
}

fn object(number: u64) -> ObjectId {
    ObjectId::new(PoolId(1), "", format!("object.{number}"))
}

#[test]
fn a_store_opens_from_its_checkpoint_and_the_log_after_it() {
    let volume = SimulatedVolume::new();
    let create = CreateOptions::new(Arc::new(ThreadEnv::new(1)));
    let create = CreateOptions { log_bytes: 16 << 10, ..create };
    DirEngine::create_on(&*volume, &create).expect("no failure is planned");
    for round in 0..6u8 {
        let engine = open(&volume);
        let store = engine.client();
        for number in 0..40 {
            let data = vec![round * 40 + number as u8 + 1; 5000];
            let write = WriteStep::Write { offset: u64::from(round) * 3000, data: data.into() };
            let set = WriteStep::OmapSet {
                entries: vec![(vec![round].into(), vec![number as u8].into())],
            };
            let op = WriteOp::new(vec![write, set]).ordered();
            block_on(store.write(&object(number), op)).expect("there is room");
        }
        if round % 2 == 0 {
            engine.checkpoint().expect("no failure is planned");
            let report = engine.check(Depth::Data).expect("no failure is planned");
            assert!(report.is_clean(), "{:#?}", report.problems);
        }
    }
    let engine = open(&volume);
    let store = engine.client();
    for number in 0..40 {
        let steps = vec![
            ReadStep::Read { offset: 0, length: 1 << 20 },
            ReadStep::OmapList { after: None, prefix: Default::default(), max: 100 },
        ];
        let read = block_on(store.read(&object(number), SnapId::HEAD, ReadOp { steps }));
        let read = format!("{:?}", read.expect("it is there"));
        let mut expected = vec![0u8; 20_000];
        for round in 0..6u8 {
            let at = usize::from(round) * 3000;
            expected[at..at + 5000].fill(round * 40 + number as u8 + 1);
        }
        let data = marcot_store::ReadResult::Data(expected.into());
        assert!(read.contains(&format!("{data:?}")), "object {number}");
        assert_eq!(read.matches("), (b").count(), 5, "six pairs: {read}");
    }
    let report = engine.check(Depth::Data).expect("no failure is planned");
    assert!(report.is_clean(), "{:#?}", report.problems);
    assert_eq!(report.objects, 40);
}
