//! Striped images and images whose data is in another pool, over NBD.

use std::process::Command;

use super::Store;

/// Not a whole number of objects, of stripes, or of 4 KiB.
const SIZE: usize = (3 << 20) + 512;

/// Name, options, and in which pool the data objects are.
const LAYOUTS: [(&str, &[&str], &str); 3] = [
    ("striped", &["--object-size", "64K", "--stripe-unit", "16K", "--stripe-count", "3"], "rbd"),
    ("apart", &["--object-size", "256K", "--data-pool", "bulk"], "bulk"),
    ("both", &["--object-size", "64K", "--stripe-unit", "8K", "--stripe-count", "5"], "bulk"),
];

/// Text, zeros in between, an odd end.
fn content() -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..SIZE).map(|at: usize| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    bytes[700_000..1_500_000].fill(0);
    bytes
}

impl Store {
    pub(super) fn uri(&self, image: &str) -> String {
        format!("nbd+unix:///rbd/{image}?socket={}", self.path("nbd"))
    }

    fn nbdcopy(&self, from: &str, to: &str) {
        let copied = Command::new("timeout").args(["60", "nbdcopy", from, to]).output().unwrap();
        assert!(copied.status.success(), "nbdcopy {from} {to}: {copied:?}");
    }

    pub(super) fn qemu_io(&self, image: &str, command: &str) {
        let mut qemu = Command::new("timeout");
        qemu.args(["60", "qemu-io", "-f", "raw", "-c", command, &self.uri(image)]);
        let output = qemu.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("ops/sec"), "{command}: {output:?}");
    }

    fn exported(&self, image: &str) -> Vec<u8> {
        let path = self.path("exported");
        let _ = std::fs::remove_file(&path);
        self.done(&["export", "--no-progress", image, &path]);
        std::fs::read(path).unwrap()
    }

    /// How many data objects the pool has for the image.
    fn data_objects(&self, image: &str, pool: &str) -> usize {
        let id = self.done(&["rados", "-p", "rbd", "get", &format!("rbd_id.{image}"), "-"]).stdout;
        let id = String::from_utf8(id[4..].to_vec()).unwrap();
        let listed = self.done(&["rados", "-p", pool, "ls"]).stdout;
        let mut lines = std::str::from_utf8(&listed).unwrap().lines();
        lines.by_ref().filter(|line| line.starts_with("rbd_data.") && line.contains(&id)).count()
    }
}

#[test]
fn any_layout_is_served() {
    let mut store = Store::empty();
    store.done(&["ceph", "osd", "pool", "create", "bulk"]);
    let input = content();
    std::fs::write(store.path("input"), &input).unwrap();
    let socket = store.path("nbd");
    let size = format!("{SIZE}B");
    for (image, options, pool) in LAYOUTS {
        let mut create = vec!["create", "--size", &size, image];
        create.extend(options);
        if image == "both" {
            create.extend(["--data-pool", pool]);
        }
        store.done(&create);
        store.serve(&[&format!("rbd/{image}"), "--socket", &socket]);
        store.nbdcopy(&store.path("input"), &store.uri(image));
        store.nbdcopy(&store.uri(image), &store.path("output"));
        assert!(std::fs::read(store.path("output")).unwrap() == input, "{image}: other bytes");
        // Over the borders of stripes and objects, and inside them.
        let mut now = input.clone();
        for (command, range, byte) in [
            ("write -P 7 60K 200K", 60 << 10..260 << 10, 7),
            ("discard 128K 64K", 128 << 10..192 << 10, 0),
            ("write -z 2M 512", 2 << 20..(2 << 20) + 512, 0),
            ("write -P 9 3M 512", 3 << 20..(3 << 20) + 512, 9),
        ] {
            store.qemu_io(image, command);
            now[range].fill(byte);
        }
        store.end_server();
        assert!(store.exported(image) == now, "{image}: other bytes after changes");
        let other = if pool == "rbd" { "bulk" } else { "rbd" };
        assert!(store.data_objects(image, pool) > 8);
        assert_eq!(store.data_objects(image, other), 0, "{image} has data in {other}");
    }
}

#[test]
fn a_clone_of_another_layout_is_served() {
    let mut store = Store::empty();
    store.done(&["ceph", "osd", "pool", "create", "bulk"]);
    let input = content();
    std::fs::write(store.path("input"), &input).unwrap();
    let (path, socket) = (store.path("input"), store.path("nbd"));
    store.done(&["import", "--no-progress", &path, "parent", "--object-size", "256K"]);
    store.done(&["snap", "create", "--no-progress", "parent@s"]);
    store.done(&["snap", "protect", "parent@s"]);
    let mut clone = vec!["clone", "parent@s", "child", "--data-pool", "bulk"];
    clone.extend(LAYOUTS[0].1);
    store.done(&clone);
    store.serve(&["rbd/child", "--socket", &socket]);
    store.nbdcopy(&store.uri("child"), &store.path("output"));
    assert!(std::fs::read(store.path("output")).unwrap() == input, "not the parent's bytes");
    assert_eq!(store.data_objects("child", "bulk"), 0);
    store.qemu_io("child", "write -P 7 100K 1K");
    assert_eq!(store.data_objects("child", "bulk"), 1, "one object is copied up");
    // While it is served.
    store.done(&["flatten", "--no-progress", "child"]);
    store.qemu_io("child", "write -P 8 2M 1K");
    store.end_server();
    let mut now = input.clone();
    now[100 << 10..101 << 10].fill(7);
    now[2 << 20..(2 << 20) + 1024].fill(8);
    assert!(store.exported("child") == now, "other bytes after a flatten");
    assert!(store.exported("parent@s") == input, "the parent changed");
}
