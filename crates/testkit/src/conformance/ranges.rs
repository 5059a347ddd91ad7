//! Bytes of an object: ranges written, zeroed, cut, compared.

use bytes::Bytes;
use marcot_store::{Errno, ReadResult, ReadStep, SnapId, StoreError, WriteOp, WriteStep};
use pollster::block_on;

use crate::{Subject, bytes, put};

fn read(s: &Subject, offset: u64, length: u64) -> Bytes {
    match s.read(&s.object("o"), ReadStep::Read { offset, length }) {
        Ok(ReadResult::Data(data)) => data,
        other => panic!("{other:?}"),
    }
}

pub fn reads_are_short_at_the_end(s: &Subject) {
    s.write(&s.object("o"), vec![put(0, "0123456789")]);
    assert_eq!(read(s, 2, 3), bytes("234"));
    assert_eq!(read(s, 8, 10), bytes("89"));
    assert_eq!(read(s, 10, 1), bytes(""));
    assert_eq!(read(s, 4000, 4096), bytes(""));
    assert_eq!(read(s, 3, 0), bytes(""));
    assert_eq!(read(s, 9, u64::MAX), bytes("9"), "a range that overflows is short as well");
}

pub fn overwriting_changes_only_the_range(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::WriteFull { data: vec![b'a'; 20_000].into() }]);
    s.write(&id, vec![WriteStep::Write { offset: 4090, data: vec![b'b'; 4110].into() }]);
    let mut expected = vec![b'a'; 20_000];
    expected[4090..8200].fill(b'b');
    assert_eq!(s.data(&id).unwrap_or_default(), expected);
}

pub fn write_full_replaces_longer_and_shorter_data(s: &Subject) {
    let id = s.object("o");
    for text in ["a longer text", "short", "", "again"] {
        s.write(&id, vec![WriteStep::WriteFull { data: bytes(text) }]);
        assert_eq!(s.data(&id), Some(bytes(text)));
    }
}

pub fn writesame_repeats_whole_patterns_only(s: &Subject) {
    let id = s.object("o");
    let same = |length, data| WriteStep::WriteSame { offset: 1, length, data: bytes(data) };
    s.write(&id, vec![same(6, "ab")]);
    assert_eq!(s.data(&id), Some(bytes("\0ababab")));
    assert_eq!(s.refused(&id, vec![same(5, "ab")]), Errno::INVAL);
    assert_eq!(s.refused(&id, vec![same(4, "")]), Errno::INVAL);
    assert_eq!(s.refused(&id, vec![same(0, "ab")]), Errno::INVAL);
}

pub fn zero_makes_a_hole_inside(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::WriteFull { data: vec![7; 20_000].into() }]);
    s.write(&id, vec![WriteStep::Zero { offset: 3000, length: 10_000 }]);
    let mut expected = vec![7; 20_000];
    expected[3000..13_000].fill(0);
    assert_eq!(s.data(&id).unwrap_or_default(), expected);
}

pub fn zero_to_the_end_cuts(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "0123456789")]);
    s.write(&id, vec![WriteStep::Zero { offset: 10, length: 5 }]);
    assert_eq!(s.size(&id), Some(10), "beyond the end nothing happens");
    s.write(&id, vec![WriteStep::Zero { offset: 5, length: 5 }]);
    assert_eq!(s.data(&id), Some(bytes("01234")));
    s.write(&id, vec![WriteStep::Zero { offset: 3, length: 50 }]);
    assert_eq!(s.data(&id), Some(bytes("012")));
    s.write(&id, vec![WriteStep::Zero { offset: 0, length: 3 }]);
    assert_eq!(s.size(&id), Some(0), "but the object stays");
}

pub fn zero_and_truncate_create_nothing(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::Zero { offset: 0, length: 3 }]);
    s.write(&id, vec![WriteStep::Truncate { size: 3 }]);
    assert!(!s.exists(&id));
}

pub fn empty_ranges_are_refused(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    assert_eq!(s.refused(&id, vec![put(0, "")]), Errno::INVAL);
    assert_eq!(s.refused(&id, vec![WriteStep::Zero { offset: 0, length: 0 }]), Errno::INVAL);
    let compare = WriteStep::CompareExtent { offset: 0, data: bytes("") };
    assert_eq!(s.refused(&id, vec![compare]), Errno::INVAL);
}

pub fn truncate_cuts_and_grows_with_zeros(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::WriteFull { data: vec![9; 10_000].into() }]);
    s.write(&id, vec![WriteStep::Truncate { size: 5000 }]);
    assert_eq!(s.size(&id), Some(5000));
    s.write(&id, vec![WriteStep::Truncate { size: 10_000 }]);
    let mut expected = vec![9; 10_000];
    expected[5000..].fill(0);
    assert_eq!(s.data(&id).unwrap_or_default(), expected, "what was cut does not come back");
}

pub fn sparse_reads_tell_every_nonzero_byte(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::Write { offset: 8192, data: vec![1; 4096].into() }]);
    s.write(&id, vec![WriteStep::Write { offset: 40_960, data: vec![2; 100].into() }]);
    s.write(&id, vec![WriteStep::Truncate { size: 100_000 }]);
    let Ok(ReadResult::Extents(extents)) =
        s.read(&id, ReadStep::SparseRead { offset: 9000, length: 60_000 })
    else {
        panic!("a sparse read yields extents");
    };
    let mut filled = vec![0; 60_000];
    let mut end = 9000;
    for (offset, data) in &extents {
        assert!(*offset >= end && !data.is_empty(), "ascending and filled: {offset}");
        end = offset + data.len() as u64;
        let from = (*offset - 9000) as usize;
        filled[from..from + data.len()].copy_from_slice(data);
    }
    assert_eq!(filled, s.data(&id).unwrap_or_default().slice(9000..69_000));
    let told: usize = extents.iter().map(|(_, data)| data.len()).sum();
    assert!(told < 20_000, "{told} bytes told of 3388 that are stored in the range");
}

/// An engine may say that more is stored, but not beyond the end, and not less.
pub fn stored_ranges_leave_no_byte_out(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::Write { offset: 8192, data: vec![1; 4096].into() }]);
    s.write(&id, vec![WriteStep::Write { offset: 40_960, data: vec![2; 100].into() }]);
    s.write(&id, vec![WriteStep::Truncate { size: 50_000 }]);
    let stored = |offset, length| match s.read(&id, ReadStep::Stored { offset, length }) {
        Ok(ReadResult::Ranges(ranges)) => ranges,
        other => panic!("stored ranges, not {other:?}"),
    };
    for (offset, length) in [(0, 1 << 20), (9000, 32_000), (9000, 10), (41_000, 5)] {
        let (end, mut at) = ((offset + length).min(50_000), offset);
        let data = s.data(&id).unwrap_or_default();
        for (from, size) in stored(offset, length) {
            assert!(at <= from && size > 0 && from + size <= end, "{from}, {size} in {at}..{end}");
            assert!(data[at as usize..from as usize].iter().all(|byte| *byte == 0));
            at = from + size;
        }
        assert!(data[at as usize..end as usize].iter().all(|byte| *byte == 0));
    }
    assert_eq!(stored(60_000, 1000), [], "there is nothing beyond the end");
    let missing = s.read(&s.object("missing"), ReadStep::Stored { offset: 0, length: 10 });
    assert_eq!(missing, Err(Errno::NOENT));
}

pub fn compare_passes_on_equal_bytes_and_zeros_beyond_the_end(s: &Subject) {
    let id = s.object("o");
    let compare = |text| WriteStep::CompareExtent { offset: 0, data: bytes(text) };
    s.write(&id, vec![compare("\0\0"), put(0, "abc")]);
    s.write(&id, vec![compare("abc\0\0"), put(0, "xyz")]);
    assert_eq!(s.data(&id), Some(bytes("xyz")));
    let read = ReadStep::CompareExtent { offset: 1, data: bytes("yz\0") };
    assert_eq!(s.read(&id, read), Ok(ReadResult::Done));
}

pub fn a_mismatch_names_the_first_differing_byte(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "0123456789")]);
    let failing = |offset, text| {
        let step = WriteStep::CompareExtent { offset, data: bytes(text) };
        let op = WriteOp::new(vec![step, put(0, "changed")]);
        block_on(s.store.write(&id, op)).expect_err("the bytes differ")
    };
    let told = |error: StoreError| (error.errno, error.mismatch_offset);
    assert_eq!(told(failing(0, "01x3")), (Errno::ILSEQ, Some(2)));
    assert_eq!(told(failing(4, "45x")), (Errno::ILSEQ, Some(6)));
    assert_eq!(told(failing(9, "9x")), (Errno::ILSEQ, Some(10)));
    assert_eq!(s.data(&id), Some(bytes("0123456789")));
    let op = marcot_store::ReadOp::single(ReadStep::CompareExtent { offset: 1, data: bytes("1x") });
    let error = block_on(s.store.read(&id, SnapId::HEAD, op)).expect_err("the bytes differ");
    assert_eq!(told(error), (Errno::ILSEQ, Some(2)));
}
