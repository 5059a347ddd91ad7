//! The name of an image of format 1 is that of its header: the whole header moves.

use marcot_format::Encode;
use marcot_format::format_1::Format1Header;
use marcot_store::op::CreateMode;
use marcot_store::{WriteOp, WriteStep};

use crate::class_call::{CallError, ask_all};
use crate::client::{Client, Location};
use crate::header::{Identity, whole_format_1};
use crate::operation::detach::remove_object;
use crate::pool::format_1;

/// The new header, the list of names, the old header away. As in Ceph, only its data moves:
/// metadata, locks and the limit of snapshots do not.
pub(super) async fn move_header(
    client: &Client,
    at: &Location,
    from: &str,
    to: &str,
) -> Result<(), CallError> {
    let object = |name| Identity::format_1(at, name).header_object();
    let (old, new) = (object(from), object(to));
    let mut answers = ask_all(&*client.store, &old, vec![whole_format_1()]).await?;
    let header = answers.record::<Format1Header>()?;
    let steps = vec![
        WriteStep::Create(CreateMode::Exclusive),
        WriteStep::WriteFull { data: header.to_bytes().into() },
    ];
    client.store.write(&new, WriteOp::new(steps).ordered()).await?;
    if let Err(error) = format_1::rename(client, at, from, to).await {
        // The first error is what the caller needs to hear.
        let _ = remove_object(client, &new).await;
        return Err(error);
    }
    remove_object(client, &old).await
}
