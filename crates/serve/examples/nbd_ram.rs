//! Serves memory: `nbd_ram SOCKET SIZE_MIB`. The bench measures the server itself with it.

use std::path::Path;
use std::sync::Arc;

use marcot_serve::nbd::export::ExportAccess;
use marcot_serve::nbd::{Exports, Limits, Listener, Server};

#[path = "../tests/nbd/ram.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "the tests use the rest")]
mod ram;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, size_mib] = arguments.as_slice() else {
        return Err("usage: nbd_ram SOCKET SIZE_MIB".into());
    };
    let size = size_mib.parse::<u64>()? << 20;
    let export = Arc::new(ram::Ram::new(size, ExportAccess::ReadWrite));
    let server = Server::new(Exports::single("ram", export), Limits::default());
    let listener = Listener::bind_unix(Path::new(socket))?;
    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    server.serve(listener, interrupted).await?;
    std::fs::remove_file(socket)?;
    Ok(())
}
