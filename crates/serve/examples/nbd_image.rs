//! Serves an image on the memory engine: `nbd_image SOCKET SIZE_MIB`. Shows what the image layer
//! costs, with nothing below it.

use std::path::Path;
use std::sync::Arc;

use marcot_image::operation::{self, CreateOptions};
use marcot_image::{Client, Config, Location};
use marcot_serve::nbd::{Limits, Listener, ServeMode, ServeRequest, Serving};
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::{ClusterChange, SnapId};
use marcot_testkit::ThreadEnv;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, size_mib] = arguments.as_slice() else {
        return Err("usage: nbd_image SOCKET SIZE_MIB".into());
    };
    let size = size_mib.parse::<u64>()? << 20;
    let env = Arc::new(ThreadEnv::new(1));
    let options = MemoryOptions::default();
    let store = MemoryCluster::with_env(marcot_classes::all(), env.clone(), options).client();
    store.administer(ClusterChange::CreatePool { name: "rbd".to_owned() }).await?;
    let pool = store.list_pools().await?.first().ok_or("no pool")?.id;
    let client = Client::new(store, env, Config::default());
    let at = Location::new(pool, "");
    let options = CreateOptions { size, ..CreateOptions::default() };
    let request = ServeRequest {
        pool,
        namespace: String::new(),
        image_id: operation::create(&client, &at, "disk", &options).await?,
        snap: SnapId::HEAD,
        mode: ServeMode::ReadWrite,
        export_name: "rbd/disk".to_owned(),
        options: Vec::new(),
    };
    let serving = Serving::open(&client, &request, Limits::default()).await?;
    let listener = Listener::bind_unix(Path::new(socket))?;
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    serving.run(listener, interrupted).await?;
    std::fs::remove_file(socket)?;
    Ok(())
}
