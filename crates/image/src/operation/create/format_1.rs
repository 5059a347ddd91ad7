//! The records of a new image of format 1: the list of names, then the header.

use marcot_format::Encode;
use marcot_format::format_1::{Format1Header, MAX_BLOCK_NAME_LENGTH};
use marcot_format::object_name;
use marcot_store::op::CreateMode;
use marcot_store::{ClientId, Errno, WriteOp, WriteStep};

use super::plan::plan_striping;
use super::{CreateError, CreateOptions};
use crate::class_call::CallError;
use crate::client::{Client, Location};
use crate::pool::format_1;
use crate::pool::init::Readiness;

/// Makes the image. What fails is taken back.
pub(super) async fn lay_down(
    client: &Client,
    at: &Location,
    name: &str,
    options: &CreateOptions,
    pool: &Readiness,
) -> Result<(), CreateError> {
    if !at.namespace.is_empty() {
        return Err(CreateError::Format1InNamespace);
    }
    let striping = plan_striping(options, &pool.config)?;
    pool.validate(client).await?;
    let header = Format1Header {
        migrating: false,
        block_name: block_name(client.store.client_id(), client.env.random()),
        order: striping.order(),
        size: options.size,
        snap_seq: 0,
        snapshots: Vec::new(),
    };
    format_1::add(client, at, name).await?;
    let steps = vec![
        WriteStep::Create(CreateMode::Exclusive),
        WriteStep::WriteFull { data: header.to_bytes().into() },
    ];
    let object = at.object(object_name::format_1_header(name));
    let written = client.store.write(&object, WriteOp::new(steps).ordered()).await;
    match written {
        Ok(_) => Ok(()),
        // Somebody else was faster; the name in the list is theirs, too.
        Err(error) if error.errno == Errno::EXIST => {
            Err(CreateError::Exists { name: name.to_owned() })
        }
        Err(error) => {
            // The error that made us turn back is the one to report.
            let _ = format_1::remove(client, at, name).await;
            let _ = client.store.flush().await;
            Err(CallError::from(error).into())
        }
    }
}

/// What the data objects of a new image are called: as in librbd, the client's number and a random
/// one. Of a long number the end, which is what tells clients apart.
fn block_name(client: ClientId, random: u64) -> String {
    let name = format!("rb.0.{:x}.{:x}", client.0 & 0xffff_ffff, random & 0x7fff_ffff);
    assert!(name.len() <= MAX_BLOCK_NAME_LENGTH, "{name} is too long");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_names_are_librbd_s() {
        assert_eq!(block_name(ClientId(0x101d), 0x6b8b_4567), "rb.0.101d.6b8b4567");
        assert_eq!(block_name(ClientId(u64::MAX), u64::MAX), "rb.0.ffffffff.7fffffff");
    }
}
