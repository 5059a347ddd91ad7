//! How long a clone takes in process, on a directory store: open the parent, make the child, link
//! both, flush. `scripts/bench/run in-process` prints it beside the other figures.

use std::time::Instant;

use marcot_connect::{Lifetime, StoreSpec, connect};
use marcot_image::operation::{
    CloneOptions, CloneSource, CloneTarget, CreateOptions, clone, create, snapshot,
};
use marcot_image::{Access, Client, Config, Image, ImageKey, Location, OpenOptions, SnapKey};
use pollster::block_on;

const CLONES: usize = 201;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = StoreSpec::Dir(folder.path().join("store"));
    let connection = connect(&spec, Lifetime::Transient).expect("a new store");
    let client = Client::new(connection.store.clone(), connection.env.clone(), Config::default());
    let mut milliseconds = block_on(measure(&client));
    connection.close();
    milliseconds.sort_by(f64::total_cmp);
    println!("median {:.3} ms", milliseconds[CLONES / 2]);
    println!("worst {:.3} ms", milliseconds[CLONES - 1]);
}

async fn measure(client: &Client) -> Vec<f64> {
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
    let mut milliseconds = Vec::new();
    for number in 0..CLONES {
        let target = CloneTarget { location: at.clone(), name: format!("clone{number}") };
        let begun = Instant::now();
        clone(client, &source, &target, &CloneOptions::default()).await.expect("clone");
        milliseconds.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    milliseconds
}
