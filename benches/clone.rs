//! How long a clone takes in process, on a directory store: open the parent, make the child, link
//! both, flush. In turn with a block of a plain file, written and synced: a clone waits for one sync,
//! and on a busy disk that is most of it. `scripts/bench/run in-process` prints both.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use marcot_connect::{Lifetime, StoreSpec, connect};
use marcot_image::operation::{
    CloneOptions, CloneSource, CloneTarget, CreateOptions, clone, create, snapshot,
};
use marcot_image::{Access, Client, Config, Image, ImageKey, Location, OpenOptions, SnapKey};
use pollster::block_on;

const CLONES: usize = 201;
const BLOCK: usize = 4096;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = StoreSpec::Dir(folder.path().join("store"));
    let connection = connect(&spec, Lifetime::Transient).expect("a new store");
    let client = Client::new(connection.store.clone(), connection.env.clone(), Config::default());
    let plain = File::create(folder.path().join("plain")).expect("a file");
    plain.write_all_at(&vec![1; BLOCK * CLONES], 0).expect("room");
    plain.sync_all().expect("a disk");
    let [clones, syncs] = block_on(measure(&client, &plain));
    connection.close();
    for (name, mut milliseconds) in [("clone", clones), ("sync", syncs)] {
        milliseconds.sort_by(f64::total_cmp);
        let (median, worst) = (milliseconds[CLONES / 2], milliseconds[CLONES - 1]);
        println!("{name} {median:.3} ms, at worst {worst:.3} ms");
    }
}

/// How long each clone took, and each sync between them.
async fn measure(client: &Client, plain: &File) -> [Vec<f64>; 2] {
    let pools = client.store.list_pools().await.expect("pools");
    let at = Location::new(pools[0].id, "");
    let options = CreateOptions { size: 10 << 30, ..CreateOptions::default() };
    create(client, &at, "gold", &options).await.expect("create");
    let open = OpenOptions::name("gold", Access::ReadWrite);
    let gold = Image::open(client, &at, open).await.expect("open");
    snapshot::create(&gold, "s").await.expect("snapshot");
    snapshot::protect(&gold, "s").await.expect("protect");
    gold.close().await.expect("close");
    let source = CloneSource {
        location: at.clone(),
        image: ImageKey::Name("gold".to_owned()),
        snap: SnapKey::Name("s".to_owned()),
    };
    let [mut clones, mut syncs] = [Vec::new(), Vec::new()];
    for number in 0..CLONES {
        let target = CloneTarget { location: at.clone(), name: format!("clone{number}") };
        let begun = Instant::now();
        clone(client, &source, &target, &CloneOptions::default()).await.expect("clone");
        clones.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        plain.write_all_at(&[2; BLOCK], (number * BLOCK) as u64).expect("room");
        plain.sync_data().expect("a disk");
        syncs.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    [clones, syncs]
}
