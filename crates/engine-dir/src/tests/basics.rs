//! Writing, reading, snapshots, reopening.

use marcot_store::op::{AllZeros, CopyupPiece, SourceReads};
use marcot_store::{ClusterChange, Errno};

use super::*;
use crate::device::MemoryVolume;
use crate::layout::Superblock;
use crate::units::Run;
use crate::{Depth, OpenError};

fn volume() -> Arc<MemoryVolume> {
    let volume = MemoryVolume::new();
    DirEngine::create_on(&*volume, &small()).expect("memory does not fail");
    volume
}

#[test]
fn what_is_written_is_read_again_also_after_a_reopen() {
    let volume = volume();
    let data: Vec<u8> = (0..20_000u32).map(|i| (i % 251) as u8 + 1).collect();
    {
        let engine = open(&volume);
        let store = engine.client();
        run(&*store, "a", write_at(100, data.clone())).expect("there is room");
        run(&*store, "a", write_at(5000, vec![0; 9000])).expect("there is room");
        let set = WriteStep::OmapSet { entries: vec![("k".into(), "v".into())] };
        let xattr = WriteStep::SetXattr { name: "x".into(), value: "y".into() };
        run(&*store, "a", WriteOp::new(vec![set, xattr])).expect("there is room");
        let key = ClusterChange::SetConfigKey { key: "rbd/x".into(), value: "1".into() };
        pollster::block_on(store.administer(key)).expect("there is room");
    }
    let mut expected = [&[0; 100][..], &data].concat();
    expected[5000..14_000].fill(0);
    let engine = open(&volume);
    let store = engine.client();
    assert_eq!(read_all(&*store, "a", SnapId::HEAD).expect("it is there"), expected);
    let steps = vec![
        ReadStep::GetXattr { name: "x".into() },
        ReadStep::OmapGet { keys: vec!["k".into(), "l".into()] },
        ReadStep::SparseRead { offset: 0, length: 1 << 20 },
    ];
    let read = store.read(&object("a"), SnapId::HEAD, ReadOp { steps });
    let results = pollster::block_on(read).expect("it is there");
    assert_eq!(results[0], ReadResult::Data("y".into()));
    assert!(matches!(&results[1], ReadResult::Omap(page) if page.entries.len() == 1));
    let ReadResult::Extents(extents) = &results[2] else { panic!("{results:?}") };
    let ranges: Vec<_> = extents.iter().map(|(offset, data)| (*offset, data.len())).collect();
    assert_eq!(ranges, [(0, 8192), (12288, 20100 - 12288)]);
    assert_eq!(pollster::block_on(store.config_key("rbd/x")).expect("it is set"), "1");
}

#[test]
fn a_store_without_blocks_set_aside_opens_as_before() {
    let volume = volume();
    let device = volume.store();
    for offset in [0, 4096] {
        let mut block = [0; 4096];
        device.read_at(offset, &mut block).expect("memory does not fail");
        let Ok(superblock) = Superblock::decode(&block) else { panic!("it was just made") };
        assert_eq!(superblock.upkeep, Run::new(10, 1));
        // As versions wrote it that did not know the field.
        block[173..189].fill(0);
        let checksum = crc32c::crc32c(&block[..4092]);
        block[4092..].copy_from_slice(&checksum.to_le_bytes());
        device.write_at(offset, &block).expect("memory does not fail");
    }
    for round in 1..4u8 {
        let engine = open(&volume);
        let store = engine.client();
        run(&*store, "a", write_at(0, vec![round; 80 << 10])).expect("there is room");
        engine.checkpoint().expect("memory does not fail");
        let read = read_all(&*store, "a", SnapId::HEAD).expect("it is there");
        assert_eq!(read, vec![round; 80 << 10]);
        let report = engine.check(Depth::Data).expect("memory does not fail");
        assert!(report.is_clean(), "{:#?}", report.problems);
    }
}

#[test]
fn snapshots_keep_what_they_saw() {
    let volume = volume();
    let engine = open(&volume);
    let store = engine.client();
    let snap = || pollster::block_on(store.create_snap_id(PoolId(1))).expect("the pool is there");
    run(&*store, "a", write_at(0, vec![1; 8192])).expect("there is room");
    let first = snap();
    assert_eq!(first, SnapId(4), "as in a pool that Ceph has validated");
    run(&*store, "a", write_at(0, vec![2; 4096]).with_snap_context(context(&[4])))
        .expect("there is room");
    let rollback = WriteOp::new(vec![WriteStep::Rollback { snap: first }]);
    let engine = {
        drop((engine, store));
        open(&volume)
    };
    let store = engine.client();
    let both = [vec![2; 4096], vec![1; 4096]].concat();
    assert_eq!(read_all(&*store, "a", SnapId::HEAD).expect("it is there"), both);
    assert_eq!(read_all(&*store, "a", first).expect("it is there"), vec![1; 8192]);
    let set = pollster::block_on(store.list_snaps(&object("a"))).expect("it is there");
    assert_eq!(set.clones[0].overlap, [(4096, 4096)]);
    run(&*store, "a", rollback.with_snap_context(context(&[4]))).expect("the clone is there");
    assert_eq!(read_all(&*store, "a", SnapId::HEAD).expect("it is there"), vec![1; 8192]);
    pollster::block_on(store.remove_snap_id(PoolId(1), first)).expect("it was given out");
    let gone = read_all(&*store, "a", first).expect_err("the snapshot is removed");
    assert_eq!(gone.errno, Errno::NOENT);
}

#[test]
fn a_copyup_takes_blocks_over_and_leaves_the_source_alone() {
    let volume = volume();
    let engine = open(&volume);
    let store = engine.client();
    run(&*store, "parent", write_at(0, vec![7; 10_000])).expect("there is room");
    let used = || pollster::block_on(store.status()).expect("it answers").space.used_bytes;
    let before = used();
    let piece = |source_offset, offset, length| {
        let (source, snap) = (object("parent"), SnapId::HEAD);
        CopyupPiece { source, snap, source_offset, offset, length }
    };
    let copyup = |piece| {
        WriteOp::new(vec![WriteStep::CopyupFrom {
            pieces: vec![piece],
            all_zeros: AllZeros::Create,
            reads: SourceReads::Again,
        }])
    };
    run(&*store, "child", copyup(piece(0, 0, 1 << 20))).expect("the source is there");
    assert_eq!(read_all(&*store, "child", SnapId::HEAD).expect("it is there"), vec![7; 10_000]);
    assert_eq!(used(), before, "nothing was copied");
    run(&*store, "cut", copyup(piece(0, 0, 5000))).expect("the source is there");
    assert_eq!(read_all(&*store, "cut", SnapId::HEAD).expect("it is there"), vec![7; 5000]);
    run(&*store, "child", write_at(0, vec![8; 4096])).expect("there is room");
    let remove = WriteOp::new(vec![WriteStep::Remove]);
    run(&*store, "parent", remove).expect("it is there");
    let expected = [vec![8; 4096], vec![7; 10_000 - 4096]].concat();
    assert_eq!(read_all(&*store, "child", SnapId::HEAD).expect("it is there"), expected);
}

#[test]
fn a_damaged_block_is_an_error_that_says_where() {
    let volume = crate::device::SimulatedVolume::new();
    DirEngine::create_on(&*volume, &small()).expect("no fault is planned");
    let engine = open(&volume);
    let store = engine.client();
    run(&*store, "a", write_at(0, vec![1; 4096])).expect("there is room");
    // Behind superblocks, log, and what is set aside.
    volume.flip(11 * 4096 + 77, 4);
    let error = read_all(&*store, "a", SnapId::HEAD).expect_err("a bit is flipped");
    assert_eq!(error.errno, Errno::IO);
    assert!(error.context.contains("a in pool 1") && error.context.contains("byte 0"), "{error}");
}

#[test]
fn a_directory_holds_a_store_that_one_process_opens() {
    let parent = tempfile::tempdir().expect("a directory for tests");
    let path = parent.path().join("store");
    let missing = DirEngine::open(&path, options()).expect_err("there is none");
    assert!(matches!(missing, OpenError::NotFound { .. }));
    DirEngine::create(&path, &CreateOptions::new(env())).expect("the directory is ours");
    let again = DirEngine::create(&path, &CreateOptions::new(env()));
    assert!(matches!(again, Err(OpenError::Exists { .. })));
    let threads = OpenOptions { threads: Threads::Own, ..options() };
    let engine = DirEngine::open(&path, threads.clone()).expect("it was just made");
    let busy = DirEngine::open(&path, options()).expect_err("it is open");
    assert!(matches!(busy, OpenError::Busy { .. }));
    let store = engine.client();
    run(&*store, "a", write_at(0, vec![3; 12_345])).expect("there is room");
    pollster::block_on(store.flush()).expect("the disk works");
    let first = store.client_id();
    drop((engine, store));
    let engine = DirEngine::open(&path, threads).expect("nobody has it open");
    let store = engine.client();
    assert!(store.client_id() > first, "client ids are never given twice");
    assert_eq!(read_all(&*store, "a", SnapId::HEAD).expect("it is there"), vec![3; 12_345]);
    let size = std::fs::metadata(path.join("store.dat")).expect("it is there").len();
    assert!(size < 2 << 20, "{size}");
}

#[test]
fn others_must_not_write_to_the_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().expect("a directory for tests");
    DirEngine::create(parent.path(), &CreateOptions::new(env())).expect("the directory is ours");
    let open_to_all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(parent.path(), open_to_all).expect("the directory is ours");
    let refused = DirEngine::open(parent.path(), options()).expect_err("others may write");
    assert!(refused.to_string().contains("chmod go-w"), "{refused}");
}
