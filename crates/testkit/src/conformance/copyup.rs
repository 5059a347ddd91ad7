//! `copyup_from`: the same effect as sending the bytes, whoever moves them.
//!
//! On an engine without the capability the step is refused, and that is all there is to check.

use marcot_store::op::{AllZeros, CopyupPiece, CreateMode, SourceReads};
use marcot_store::{Copyups, Errno, ObjectId, SnapId, WriteStep};

use crate::{Subject, bytes, context, put};

/// A source with data, a hole, and an end inside a block; the snapshot that is copied from.
fn source(s: &Subject) -> (ObjectId, SnapId) {
    let id = s.object("source");
    s.write(&id, vec![WriteStep::Write { offset: 0, data: vec![1; 6000].into() }]);
    s.write(&id, vec![WriteStep::Write { offset: 40_000, data: vec![2; 5000].into() }]);
    let snap = s.snap();
    s.write_under(
        &id,
        &context(&[snap]),
        vec![WriteStep::WriteFull { data: vec![9; 90_000].into() }],
    );
    (id, snap)
}

pub(super) fn piece(
    source: &(ObjectId, SnapId),
    source_offset: u64,
    offset: u64,
    length: u64,
) -> CopyupPiece {
    let (source, snap) = source.clone();
    CopyupPiece { source, snap, source_offset, offset, length }
}

pub(super) fn copyup(pieces: Vec<CopyupPiece>) -> Vec<WriteStep> {
    vec![WriteStep::CopyupFrom { pieces, all_zeros: AllZeros::Create, reads: SourceReads::Again }]
}

/// Whether the engine can; if not, checks that it says so.
pub(super) fn able(s: &Subject) -> bool {
    let able = s.store.capabilities().copyup != Copyups::Refused;
    if !able {
        let refused = s.refused(&s.object("target"), copyup(vec![]));
        assert_eq!(refused, Errno::OPNOTSUPP);
    }
    able
}

/// Sources without holes, with some zeros, and with little else: engines may treat them apart.
pub fn copyup_of_full_and_of_nearly_empty_sources(s: &Subject) {
    if !able(s) {
        return;
    }
    let full: Vec<u8> = (0..1 << 20).map(|at: u32| (at / 4096 % 251) as u8 + 1).collect();
    let mut gap = full.clone();
    gap[400_000..430_000].fill(0);
    let mut nearly_empty = vec![0; 1 << 20];
    nearly_empty[700_000] = 7;
    for (name, data) in [("full", full), ("gap", gap), ("nearly empty", nearly_empty)] {
        let from = s.object(&format!("source {name}"));
        s.write(&from, vec![WriteStep::Write { offset: 0, data: data.clone().into() }]);
        let snap = s.snap();
        let later = vec![WriteStep::Write { offset: 8192, data: vec![9; 70_000].into() }];
        s.write_under(&from, &context(&[snap]), later);
        let from = (from, snap);
        for (length, carefully) in [(1 << 20, true), (4 << 20, true), (999_424, true), (5, false)] {
            let id = s.object(&format!("target {name} {length}"));
            let pieces = vec![piece(&from, 0, 0, length)];
            let all_zeros = if carefully { AllZeros::Refuse } else { AllZeros::Create };
            let reads = if carefully { SourceReads::Once } else { SourceReads::Again };
            s.write(&id, vec![WriteStep::CopyupFrom { pieces: pieces.clone(), all_zeros, reads }]);
            assert_eq!(without_tail(s, &id), expected(s, &pieces), "{name}, {length}");
        }
        let taken = s.object(&format!("taken {name}"));
        s.write(&taken, vec![put(0, "mine")]);
        s.write(&taken, copyup(vec![piece(&from, 0, 0, 1 << 20)]));
        assert_eq!(s.data(&taken), Some(bytes("mine")));
    }
}

/// What the pieces must make, byte by byte.
fn expected(s: &Subject, pieces: &[CopyupPiece]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        let data = s.data_at(&piece.source, piece.snap).unwrap_or_default();
        let end = (piece.source_offset + piece.length).min(data.len() as u64) as usize;
        for (at, byte) in (piece.offset as usize..).zip(&data[piece.source_offset as usize..end]) {
            bytes.resize(bytes.len().max(at + 1), 0);
            bytes[at] = *byte;
        }
    }
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

fn without_tail(s: &Subject, id: &ObjectId) -> Vec<u8> {
    let mut data = s.data(id).expect("the object exists").to_vec();
    while data.last() == Some(&0) {
        data.pop();
    }
    data
}

pub fn copyup_takes_the_bytes_of_the_snapshot(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    let pieces = vec![piece(&from, 0, 0, 1 << 20)];
    s.write(&id, copyup(pieces.clone()));
    assert_eq!(without_tail(s, &id), expected(s, &pieces));
    assert_eq!(s.size(&id), Some(45_000), "as far as the source reaches");
}

pub fn copyup_moves_ranges_that_begin_and_end_anywhere(s: &Subject) {
    if !able(s) {
        return;
    }
    let from = source(s);
    let cuts = [
        vec![piece(&from, 0, 0, 3000)],
        vec![piece(&from, 4096, 0, 4096)],
        vec![piece(&from, 100, 5000, 5900), piece(&from, 39_990, 20_000, 3001)],
        vec![piece(&from, 40_960, 4096, 4040), piece(&from, 0, 0, 4096)],
    ];
    for (number, pieces) in cuts.into_iter().enumerate() {
        let id = s.object(&format!("target {number}"));
        s.write(&id, copyup(pieces.clone()));
        assert_eq!(without_tail(s, &id), expected(s, &pieces), "{pieces:?}");
    }
}

pub fn copyup_of_holes_still_creates_the_object(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    s.write(&id, copyup(vec![piece(&from, 12_288, 0, 4096)]));
    assert_eq!(without_tail(s, &id), [] as [u8; 0]);
    s.write(&s.object("nothing"), copyup(vec![]));
    assert_eq!(s.size(&s.object("nothing")), Some(0));
}

pub fn copyup_of_zeros_is_refused_when_asked(s: &Subject) {
    if !able(s) {
        return;
    }
    let from = source(s);
    s.write(&from.0, vec![WriteStep::Write { offset: 0, data: vec![0; 8192].into() }]);
    let zeros = (from.0.clone(), s.snap());
    let carefully = |pieces| {
        let (all_zeros, reads) = (AllZeros::Refuse, SourceReads::Once);
        vec![WriteStep::CopyupFrom { pieces, all_zeros, reads }]
    };
    let id = s.object("target");
    let hole = piece(&from, 12_288, 0, 4096);
    // Within a block that holds data, written, and not there at all.
    for pieces in [vec![hole.clone()], vec![piece(&zeros, 0, 0, 8192)], vec![]] {
        assert_eq!(s.refused(&id, carefully(pieces)), Errno::NODATA);
        assert!(!s.exists(&id));
    }
    s.write(&id, carefully(vec![hole.clone(), piece(&from, 5999, 8192, 1)]));
    assert_eq!(s.data(&id).map(|data| data.iter().map(|byte| u64::from(*byte)).sum()), Some(1));
    // What exists is left alone, whatever there is to bring.
    s.write(&id, carefully(vec![hole]));
}

pub fn copyup_does_nothing_to_what_exists(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    s.write(&id, vec![WriteStep::Create(CreateMode::Exclusive)]);
    s.write(&id, copyup(vec![piece(&from, 0, 0, 4096)]));
    assert_eq!(s.size(&id), Some(0));
}

pub fn copyup_from_a_missing_source_is_enoent_and_creates_nothing(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    let missing = (s.object("none"), from.1);
    let pieces = vec![piece(&from, 0, 0, 4096), piece(&missing, 0, 8192, 4096)];
    assert_eq!(s.refused(&id, copyup(pieces)), Errno::NOENT);
    assert!(!s.exists(&id));
}

pub fn copyup_then_write_is_one_operation(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    let mut steps = copyup(vec![piece(&from, 0, 0, 6000)]);
    steps.push(put(10, "over"));
    if s.store.capabilities().copyup == Copyups::Alone {
        assert_eq!(s.refused(&id, steps), Errno::OPNOTSUPP);
        return;
    }
    s.write(&id, steps);
    let mut expected = vec![1; 6000];
    expected[10..14].copy_from_slice(b"over");
    assert_eq!(s.data(&id).unwrap_or_default(), expected);
}

pub fn source_and_copy_change_apart(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    s.write(&id, copyup(vec![piece(&from, 0, 0, 1 << 20)]));
    s.write(&id, vec![put(0, "changed")]);
    assert_eq!(s.data_at(&from.0, from.1).unwrap_or_default()[..7], [1; 7]);
    let copy = s.data(&id);
    s.remove_snap(from.1);
    s.write(&from.0, vec![WriteStep::Remove]);
    s.eventually("the source goes", |s| s.names(Some(s.namespace())).len() == 1);
    assert_eq!(s.data(&id), copy);
}

pub fn copyup_obeys_the_snapshot_context(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), copyup(vec![piece(&from, 0, 0, 4096)]));
    assert_eq!(s.data_at(&id, snap), None, "born after the snapshot");
    let other = s.object("deep");
    s.write(&other, copyup(vec![piece(&from, 0, 0, 4096)]));
    s.write_under(&other, &context(&[snap]), vec![put(0, "new")]);
    let old = vec![1; 4096];
    assert_eq!(s.data_at(&other, snap).unwrap_or_default(), old, "as if it had been there before");
}

pub fn copyup_pieces_are_checked(s: &Subject) {
    if !able(s) {
        return;
    }
    let (from, id) = (source(s), s.object("target"));
    let overlapping = vec![piece(&from, 0, 0, 100), piece(&from, 0, 99, 100)];
    assert_eq!(s.refused(&id, copyup(overlapping)), Errno::INVAL);
    assert_eq!(s.refused(&id, copyup(vec![piece(&from, 0, u64::MAX, 100)])), Errno::FBIG);
    assert_eq!(s.refused(&id, copyup(vec![piece(&from, u64::MAX, 0, 100)])), Errno::FBIG);
    assert_eq!(s.refused(&id, copyup(vec![piece(&from, 0, 0, 0)])), Errno::INVAL);
    let itself = copyup(vec![piece(&from, 0, 0, 100)]);
    assert_eq!(s.refused(&from.0, itself), Errno::INVAL, "the source is another object");
}

pub fn copies_of_copies_read_the_same(s: &Subject) {
    if !able(s) {
        return;
    }
    let mut from = source(s);
    let first = expected(s, &[piece(&from, 0, 0, 1 << 20)]);
    for depth in 0..6 {
        let id = s.object(&format!("depth {depth}"));
        s.write(&id, copyup(vec![piece(&from, 0, 0, 1 << 20)]));
        let snap = s.snap();
        s.write_under(&id, &context(&[snap]), vec![put(depth, "x")]);
        assert_eq!(s.data_at(&id, snap).unwrap_or_default(), first);
        from = (id, snap);
    }
    assert_eq!(s.data(&from.0).map(|data| data.slice(5..6)), Some(bytes("x")));
}
