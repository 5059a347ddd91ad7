//! Images and snapshots behind the server, on the memory engine.

use std::sync::Arc;

use marcot_image::operation::{CreateOptions, Layout, snapshot};
use marcot_image::{Access, Client, Config, Image, Location, OpenOptions};
use marcot_serve::nbd::{Limits, Listener, ServeMode, ServeRequest, Serving};
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::{ClusterChange, SnapId};
use marcot_testkit::ThreadEnv;
use pollster::block_on;
use tokio::sync::oneshot;

use crate::fixture::{attempt, run};

const SIZE: u64 = 24 << 20;

struct Served {
    folder: tempfile::TempDir,
    client: Client,
    at: Location,
    id: String,
    runtime: tokio::runtime::Runtime,
}

/// One export of an image, until it is stopped.
struct Running {
    socket: String,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

impl Served {
    fn new(options: MemoryOptions) -> Served {
        let env = Arc::new(ThreadEnv::new(7));
        let store = MemoryCluster::with_env(marcot_classes::all(), env.clone(), options).client();
        let name = "rbd".to_owned();
        block_on(store.administer(ClusterChange::CreatePool { name })).unwrap();
        let pool = block_on(store.list_pools()).unwrap()[0].id;
        let client = Client::new(store, env, Config::default());
        let at = Location::new(pool, "");
        let layout = Layout { order: Some(20), ..Layout::default() };
        let options = CreateOptions { size: SIZE, layout, ..CreateOptions::default() };
        let id = block_on(marcot_image::operation::create(&client, &at, "disk", &options)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Served { folder: tempfile::tempdir().unwrap(), client, at, id, runtime }
    }

    fn open(&self) -> Arc<Image> {
        let options = OpenOptions::id(&self.id, Access::ReadWrite);
        block_on(Image::open(&self.client, &self.at, options)).unwrap()
    }

    fn serve(&self, name: &str, snap: SnapId, mode: ServeMode) -> Running {
        let request = ServeRequest {
            pool: self.at.pool,
            namespace: String::new(),
            image_id: self.id.clone(),
            snap,
            mode,
            export_name: "rbd/disk".to_owned(),
            options: Vec::new(),
        };
        let request = ServeRequest::decode(&request.encode()).unwrap();
        let path = self.folder.path().join(name);
        let listener = Listener::bind_unix(&path).unwrap();
        let opening = Serving::open(&self.client, &request, Limits::default());
        let serving = self.runtime.block_on(opening).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = self.runtime.spawn(async move {
            serving.run(listener, async { drop(stopped.await) }).await.unwrap();
        });
        let socket = format!("nbd+unix:///rbd/disk?socket={}", path.display());
        Running { socket, stop, served }
    }

    fn end(&self, running: Running) {
        drop(running.stop);
        self.runtime.block_on(running.served).unwrap();
    }
}

#[test]
fn a_disk_goes_in_and_comes_out_of_an_image() {
    // The engine that does everything the contract allows.
    let served = Served::new(MemoryOptions::hostile(11));
    let running = served.serve("socket", SnapId::HEAD, ServeMode::ReadWrite);
    let file = |name: &str| served.folder.path().join(name).display().to_string();
    let (source, target) = (file("source"), file("target"));
    let mut bytes = vec![0; SIZE as usize];
    for block in [0usize, 5, 6, 255, 256, 3000, 6143] {
        bytes[block * 4096..][..4096].fill(block as u8 | 1);
    }
    std::fs::write(&source, &bytes).unwrap();
    run("qemu-img", &["convert", "-n", "-f", "raw", "-O", "raw", &source, &running.socket]);
    run("nbdcopy", &[&running.socket, &target]);
    assert!(std::fs::read(&target).unwrap() == bytes);
    // Objects that were never written are holes, and qemu hears of them.
    let map = run("nbdinfo", &["--map", "--totals", &running.socket]);
    let hole = map.lines().find(|line| line.contains("hole,zero")).expect(&map);
    let bytes_of_holes: u64 = hole.split_whitespace().next().unwrap().parse().unwrap();
    assert!(bytes_of_holes >= SIZE - (5 << 20), "{map}");
    let io = ["-f", "raw", "-c", "write -z 4k 20k", "-c", "discard 1M 1M", "-c", "flush"];
    run(
        "qemu-io",
        &[
            &io[..],
            &["-c", "read -P 0 4k 20k", "-c", "read -P 0 1M 1M"],
            &[running.socket.as_str()],
        ]
        .concat(),
    );
    served.end(running);
    let image = served.open();
    assert!(block_on(image.read(0, 4096)).unwrap() == vec![1; 4096]);
    assert!(block_on(image.read(20480, 4096)).unwrap() == vec![0; 4096]);
}

#[test]
fn fio_verifies_an_image() {
    let served = Served::new(MemoryOptions::default());
    let running = served.serve("socket", SnapId::HEAD, ServeMode::ReadWrite);
    let uri = format!("--uri={}", running.socket);
    let common = [
        "--ioengine=nbd",
        &uri,
        "--verify=crc32c",
        "--verify_state_save=0",
        "--size=16M",
        "--name=verify",
    ];
    for pattern in [
        ["--rw=randwrite", "--bs=4k", "--iodepth=32"],
        ["--rw=randrw", "--bsrange=512-64k", "--iodepth=16"],
    ] {
        let arguments: Vec<&str> = common.iter().chain(&pattern).copied().collect();
        let output = run("fio", &arguments);
        assert!(output.contains("err= 0"), "{output}");
    }
    served.end(running);
}

#[test]
fn a_snapshot_is_read_only_and_stays_as_it_was() {
    let served = Served::new(MemoryOptions::default());
    let head = served.serve("head", SnapId::HEAD, ServeMode::ReadWrite);
    run("qemu-io", &["-f", "raw", "-c", "write -P 1 0 2M", "-c", "flush", &head.socket]);
    let snap = block_on(snapshot::create(&served.open(), "s")).unwrap();
    // Clients of the head go on, and what they write is theirs.
    run("qemu-io", &["-f", "raw", "-c", "write -P 2 0 64k", "-c", "flush", &head.socket]);
    let old = served.serve("old", snap, ServeMode::ReadWrite);
    run("qemu-io", &["-r", "-f", "raw", "-c", "read -P 1 0 2M", &old.socket]);
    run("qemu-io", &["-r", "-f", "raw", "-c", "read -P 2 0 64k", &head.socket]);
    let write = attempt("qemu-io", &["-f", "raw", "-c", "write -P 3 0 64k", &old.socket]);
    assert!(!write.status.success());
    assert!(run("nbdinfo", &[&old.socket]).contains("is_read_only: true"));
    served.end(old);
    served.end(head);
}
