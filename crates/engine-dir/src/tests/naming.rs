//! A new store's name comes with its first sync: what is there before, and after each way to die.

use std::path::Path;

use super::*;
use crate::OpenError;

fn names(path: &Path) -> Vec<String> {
    let files = std::fs::read_dir(path).expect("it is ours");
    files.map(|file| file.expect("it is there").file_name().into_string().expect("text")).collect()
}

fn open_in(path: &Path) -> Result<Arc<DirEngine>, OpenError> {
    DirEngine::open(path, options())
}

/// A store that one process made and another wrote to; neither has synced it.
fn never_synced(path: &Path) {
    DirEngine::create(path, &CreateOptions::new(env())).expect("the directory is ours");
    let engine = open_in(path).expect("it was just made");
    run(&*engine.client(), "a", write_at(0, vec![5; 9000]).ordered()).expect("there is room");
}

#[test]
fn the_first_sync_gives_it_its_name() {
    let parent = tempfile::tempdir().expect("a directory for tests");
    never_synced(parent.path());
    assert_eq!(names(parent.path()), ["store.dat.new"]);
    let again = DirEngine::create(parent.path(), &CreateOptions::new(env()));
    assert!(matches!(again, Err(OpenError::Exists { .. })), "what was written stays");
    let engine = open_in(parent.path()).expect("it is whole");
    let store = engine.client();
    assert_eq!(read_all(&*store, "a", SnapId::HEAD).expect("it is there"), vec![5; 9000]);
    assert_eq!(names(parent.path()), ["store.dat.new"], "reading has nothing to sync");
    pollster::block_on(store.flush()).expect("the disk works");
    assert_eq!(names(parent.path()), ["store.dat"]);
    drop((store, engine));
    let engine = open_in(parent.path()).expect("it is whole");
    let found = read_all(&*engine.client(), "a", SnapId::HEAD);
    assert_eq!(found.expect("it is there"), vec![5; 9000]);
}

#[test]
fn one_that_power_left_in_pieces_goes() {
    let parent = tempfile::tempdir().expect("a directory for tests");
    never_synced(parent.path());
    let file = parent.path().join("store.dat.new");
    let length = std::fs::metadata(&file).expect("it is there").len();
    std::fs::write(&file, vec![0; length as usize]).expect("it is ours");
    assert!(matches!(open_in(parent.path()), Err(OpenError::NotFound { .. })));
    assert_eq!(names(parent.path()), [""; 0]);
    never_synced(parent.path());
}

#[test]
fn one_of_a_later_version_stays() {
    let parent = tempfile::tempdir().expect("a directory for tests");
    never_synced(parent.path());
    let file = parent.path().join("store.dat.new");
    let mut bytes = std::fs::read(&file).expect("it is ours");
    for slot in bytes.chunks_mut(4096).take(2) {
        slot[8] = 99;
        let checksum = crc32c::crc32c(&slot[..4092]);
        slot[4092..].copy_from_slice(&checksum.to_le_bytes());
    }
    std::fs::write(&file, bytes).expect("it is ours");
    assert!(matches!(open_in(parent.path()), Err(OpenError::Damaged { .. })));
    assert_eq!(names(parent.path()), ["store.dat.new"]);
}

#[test]
fn one_with_its_name_is_never_taken_away() {
    let parent = tempfile::tempdir().expect("a directory for tests");
    never_synced(parent.path());
    let engine = open_in(parent.path()).expect("it opens");
    engine.close().expect("the disk works");
    drop(engine);
    let file = parent.path().join("store.dat");
    std::fs::write(&file, vec![0; 1 << 20]).expect("it is ours");
    assert!(matches!(open_in(parent.path()), Err(OpenError::Damaged { .. })));
    assert_eq!(names(parent.path()), ["store.dat"]);
}
