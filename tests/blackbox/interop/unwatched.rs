//! A server whose watch runs out while it stands still, and what others do to its image meanwhile: it
//! watches again, and acts on the header as it is by then.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::holder::Server;
use super::own_cluster::OwnCluster;
use super::party::Party;
use super::stage::make_pool;
use crate::differential::cluster;

const POOL: &str = "unwatched";
const LENGTH: usize = 256 << 10;

fn fill(server: &Server, byte: u8) {
    let write = format!("write -P {byte} 0 {LENGTH}");
    let mut qemu_io = Command::new("timeout");
    qemu_io.args(["60", "qemu-io", "-f", "raw", "-c", &write, server.uri()]);
    let output = qemu_io.output().expect("qemu-io is needed by this test");
    assert!(output.status.success(), "{write}: {output:?}");
}

/// Without an exclusive lock nobody but the watch tells a writer of a snapshot.
#[test]
fn our_server_knows_a_snapshot_that_was_taken_while_nobody_could_tell_it() {
    if cluster().is_none() {
        return;
    }
    let ceph = OwnCluster::start();
    ceph.ceph("config set osd osd_client_watch_timeout 6");
    let commands = make_pool(&ceph.conf(), POOL);
    let image = format!("{POOL}/disk");
    let rbd = |line: &str| {
        let said = commands.must(Party::Ceph, line).unwrap_or_else(|problem| panic!("{problem}"));
        said.out
    };
    let watched = || String::from_utf8_lossy(&rbd(&format!("status {image}"))).contains("watcher=");
    let wait_until_watched = |wanted: bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while watched() != wanted {
            assert!(Instant::now() < deadline, "watched: {}", !wanted);
            thread::sleep(Duration::from_millis(100));
        }
    };
    rbd(&format!("create --size 8M --image-feature layering {image}"));
    let server = Server::marcot(&ceph.conf(), &image, &commands.folder().join("socket"));
    fill(&server, 1);
    assert!(watched());

    server.signal(Signal::STOP);
    wait_until_watched(false);
    rbd(&format!("snap create --no-progress {image}@meanwhile"));
    server.signal(Signal::CONT);
    wait_until_watched(true);
    fill(&server, 2);
    for (name, byte) in [(format!("{image}@meanwhile"), 1), (image, 2)] {
        let found = rbd(&format!("export --no-progress {name} -"));
        assert!(found.iter().take(LENGTH).all(|other| *other == byte), "{name}");
    }
}
