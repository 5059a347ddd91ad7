//! What other programs are told about which parts of an image hold data.

use std::process::Command;

use super::Store;

/// A tool's map, as (start, length, whether there is data).
type Map = Vec<(u64, u64, bool)>;

fn json(program: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let mut command = Command::new("timeout");
    let output = command.args(["60", program]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn nbdinfo(uri: &str) -> Map {
    let told = json("nbdinfo", &["--map", "--json", uri]);
    let number = |range: &serde_json::Value, name| range[name].as_u64().unwrap();
    let each =
        |range| (number(range, "offset"), number(range, "length"), number(range, "type") == 0);
    told.iter().map(each).collect()
}

fn qemu_img(uri: &str) -> Map {
    let told = json("qemu-img", &["map", "-f", "raw", "--output=json", uri]);
    let number = |range: &serde_json::Value, name| range[name].as_u64().unwrap();
    let each = |range| (number(range, "start"), number(range, "length"), range["data"] == true);
    told.iter().map(each).collect()
}

/// Data in the ranges, holes elsewhere, as the tools tell it.
fn map_of(data: &[(u64, u64)], size: u64) -> Map {
    let (mut map, mut at) = (Map::new(), 0);
    for (start, length) in data {
        map.extend([(at, start - at, false), (*start, *length, true)]);
        at = start + length;
    }
    map.push((at, size - at, false));
    map.retain(|(_, length, _)| *length > 0);
    map
}

#[test]
fn a_block_within_an_object_is_all_that_is_told() {
    const SIZE: u64 = 64 << 20;
    let mut store = Store::with_image();
    let socket = store.path("nbd");
    store.serve(&["rbd/disk", "--socket", &socket]);
    let assert_told = |store: &Store, image: &str, expected: &[(u64, u64)]| {
        let expected = map_of(expected, SIZE);
        assert_eq!(nbdinfo(&store.uri(image)), expected, "nbdinfo, {image}");
        assert_eq!(qemu_img(&store.uri(image)), expected, "qemu-img, {image}");
    };
    assert_told(&store, "disk", &[]);
    store.qemu_io("disk", "write -P 7 9M 4K");
    store.qemu_io("disk", "write -P 7 20M 8K");
    assert_told(&store, "disk", &[(9 << 20, 4096), (20 << 20, 8192)]);
    store.qemu_io("disk", "discard 20M 4K");
    let left = [(9 << 20, 4096), ((20 << 20) + 4096, 4096)];
    assert_told(&store, "disk", &left);
    store.end_server();
    // A clone that holds nothing tells what its parent holds, and of an object of its own what that does.
    store.done(&["snap", "create", "--no-progress", "disk@s"]);
    store.done(&["snap", "protect", "disk@s"]);
    store.done(&["clone", "disk@s", "child"]);
    store.serve(&["rbd/child", "--socket", &socket]);
    assert_told(&store, "child", &left);
    store.qemu_io("child", "write -P 8 10M 4K");
    assert_told(&store, "child", &[left[0], (10 << 20, 4096), left[1]]);
}
