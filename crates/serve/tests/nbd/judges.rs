//! libnbd's tools, QEMU's tools and fio say whether this is an NBD server.

use crate::fixture::{Fixture, SIZE, attempt, run};

/// A file with data and holes.
fn make_sample(path: &str) -> Vec<u8> {
    let mut bytes = vec![0; SIZE as usize];
    for block in [0usize, 3, 4, 700, 2048, 4000] {
        for (at, byte) in bytes[block * 4096..][..4096].iter_mut().enumerate() {
            *byte = (at * 7 + block) as u8 | 1;
        }
    }
    std::fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn nbdinfo_sees_what_is_offered() {
    let fixture = Fixture::writable();
    let info = run("nbdinfo", &["--json", &fixture.uri()]);
    for line in [
        "\"is_read_only\": false",
        "\"can_cache\": true",
        "\"can_df\": true",
        "\"can_fast_zero\": true",
        "\"can_flush\": true",
        "\"can_fua\": true",
        "\"can_multi_conn\": true",
        "\"can_trim\": true",
        "\"can_zero\": true",
        "\"block_size_minimum\": 1",
        "\"block_size_preferred\": 4096",
        "\"block_size_maximum\": 33554432",
        "\"base:allocation\"",
    ] {
        assert!(info.contains(line), "{line} not in {info}");
    }
    assert_eq!(run("nbdinfo", &["--size", &fixture.uri()]).trim(), SIZE.to_string());
    let list = run("nbdinfo", &["--list", &fixture.uri()]);
    assert!(list.contains("export=\"rbd/disk\""), "{list}");
    let named = format!("nbd+unix:///rbd/disk?socket={}", fixture.socket().display());
    assert_eq!(run("nbdinfo", &["--size", &named]).trim(), SIZE.to_string());
    let missing = format!("nbd+unix:///rbd/else?socket={}", fixture.socket().display());
    assert!(!attempt("nbdinfo", &["--size", &missing]).status.success());
    assert_eq!(fixture.mode(), 0o600);
}

#[test]
fn a_snapshot_is_offered_read_only() {
    let fixture = Fixture::read_only();
    let info = run("nbdinfo", &["--json", &fixture.uri()]);
    assert!(info.contains("\"is_read_only\": true"), "{info}");
    assert!(info.contains("\"can_zero\": false"), "{info}");
}

#[test]
fn nbdcopy_brings_every_byte_in_and_out() {
    let fixture = Fixture::writable();
    let (source, target) = (fixture.file("source"), fixture.file("target"));
    let bytes = make_sample(&source);
    run("nbdcopy", &[&source, &fixture.uri()]);
    assert!(fixture.export.peek(0, SIZE as usize) == bytes);
    run("nbdcopy", &[&fixture.uri(), &target]);
    assert!(std::fs::read(&target).unwrap() == bytes);
}

#[test]
fn block_status_names_data_and_holes() {
    let fixture = Fixture::writable();
    let uri = fixture.uri();
    run("qemu-io", &["-f", "raw", "-c", "write -P 5 64k 128k", &uri]);
    let map = run("nbdinfo", &["--map", &uri]);
    let rows: Vec<Vec<&str>> =
        map.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    let rest = (SIZE - (192 << 10)).to_string();
    let expected =
        vec![vec!["0", "65536", "3"], vec!["65536", "131072", "0"], vec!["196608", &rest, "3"]];
    assert_eq!(rows, expected);
    let map = run("qemu-img", &["map", "-f", "raw", "--output=json", &uri]);
    let data = "\"start\": 65536, \"length\": 131072";
    assert!(map.contains(data) && map.lines().count() == 3, "{map}");
}

#[test]
fn qemu_converts_both_ways() {
    let fixture = Fixture::writable();
    let (source, target) = (fixture.file("source"), fixture.file("target"));
    let bytes = make_sample(&source);
    let uri = fixture.uri();
    run("qemu-img", &["convert", "-n", "-f", "raw", "-O", "raw", &source, &uri]);
    assert!(fixture.export.peek(0, SIZE as usize) == bytes);
    run("qemu-img", &["convert", "-f", "raw", "-O", "raw", &uri, &target]);
    assert!(std::fs::read(&target).unwrap() == bytes);
    run("qemu-img", &["compare", "-f", "raw", "-F", "raw", &uri, &source]);
}

#[test]
fn qemu_io_writes_zeroes_discards_and_flushes() {
    let fixture = Fixture::writable();
    let output = run(
        "qemu-io",
        &[
            "-f",
            "raw",
            "-d",
            "unmap",
            "-t",
            "none",
            "-c",
            "write -P 170 0 1M",
            "-c",
            "write -f -P 187 1M 4k",
            "-c",
            "write -z 4k 8k",
            "-c",
            "write -z -u 16k 8k",
            "-c",
            "discard 32k 16k",
            "-c",
            "flush",
            "-c",
            "read -P 170 0 4k",
            "-c",
            "read -P 0 4k 8k",
            "-c",
            "read -P 170 12k 4k",
            "-c",
            "read -P 0 16k 8k",
            "-c",
            "read -P 170 24k 8k",
            "-c",
            "read -P 0 32k 16k",
            "-c",
            "read -P 187 1M 4k",
            "-c",
            "write -P 7 1234567 8901",
            "-c",
            "read -P 7 1234567 8901",
            &fixture.uri(),
        ],
    );
    assert!(!output.contains("failed"), "{output}");
    assert!(fixture.export.flushes.load(std::sync::atomic::Ordering::SeqCst) >= 2);
}

#[test]
fn fio_verifies_its_checksums() {
    let fixture = Fixture::writable();
    let uri = format!("--uri={}", fixture.uri());
    let common = [
        "--ioengine=nbd",
        &uri,
        "--verify=crc32c",
        "--verify_state_save=0",
        "--size=24M",
        "--name=verify",
    ];
    for pattern in [
        ["--rw=randwrite", "--bs=4k", "--iodepth=32"],
        ["--rw=randrw", "--bsrange=512-64k", "--iodepth=16"],
        ["--rw=write", "--bs=1M", "--iodepth=4"],
    ] {
        let arguments: Vec<&str> = common.iter().chain(&pattern).copied().collect();
        let output = run("fio", &arguments);
        assert!(output.contains("err= 0"), "{output}");
    }
}
