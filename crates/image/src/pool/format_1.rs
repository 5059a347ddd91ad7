//! The images of format 1: their headers by name, and the list of them in the data of
//! `rbd_directory`.
//!
//! There is no class method for the list (Ceph has an operation of its own for it): a change is
//! the whole list written anew, if it is still what was read.

use marcot_format::Encode;
use marcot_format::format_1::Format1Directory;
use marcot_format::object_name::{self, DIRECTORY};
use marcot_store::{Errno, ObjectId, ReadOp, ReadStep, SnapId, StoreError, WriteOp, WriteStep};

use crate::class_call::{CallError, ask_all};
use crate::client::{Client, Location};

/// The longest list that is read.
const LONGEST: u64 = 64 << 20;
/// How often to begin again when others change the list.
const ATTEMPTS: usize = 100;

/// Whether there is an image of format 1 with that name.
pub(crate) async fn exists(client: &Client, at: &Location, name: &str) -> Result<bool, CallError> {
    let object = at.object(object_name::format_1_header(name));
    match client.store.read(&object, SnapId::HEAD, ReadOp::single(ReadStep::Stat)).await {
        Ok(_) => Ok(true),
        Err(error) if error.errno == Errno::NOENT => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Their names, sorted. Namespaces have none.
pub(crate) async fn names(client: &Client, at: &Location) -> Result<Vec<String>, CallError> {
    if !at.namespace.is_empty() {
        return Ok(Vec::new());
    }
    Ok(read(client, &at.object(DIRECTORY)).await?.names)
}

/// Puts a name into the list; that it is there already is no error.
pub(crate) async fn add(client: &Client, at: &Location, name: &str) -> Result<(), CallError> {
    change(client, at, |names| names.push(name.to_owned())).await
}

/// Takes a name out of the list; that it is not there is no error.
pub(crate) async fn remove(client: &Client, at: &Location, name: &str) -> Result<(), CallError> {
    change(client, at, |names| names.retain(|found| found != name)).await
}

/// Puts one name in the place of another.
pub(crate) async fn rename(
    client: &Client,
    at: &Location,
    from: &str,
    to: &str,
) -> Result<(), CallError> {
    let swap = |names: &mut Vec<String>| {
        names.retain(|found| found != from);
        names.push(to.to_owned());
    };
    change(client, at, swap).await
}

async fn change(
    client: &Client,
    at: &Location,
    change: impl Fn(&mut Vec<String>),
) -> Result<(), CallError> {
    let object = at.object(DIRECTORY);
    for _ in 0..ATTEMPTS {
        let found = read(client, &object).await?;
        let mut changed = found.clone();
        change(&mut changed.names);
        changed.names.sort();
        changed.names.dedup();
        if changed == found {
            return Ok(());
        }
        match replace(client, &object, &found, &changed).await {
            Err(error) if error.errno == Errno::ILSEQ => {}
            other => return Ok(other?),
        }
    }
    let context = format!("write {object}: others change it all the time");
    Err(StoreError::new(Errno::AGAIN, context).into())
}

/// A list that does not exist compares equal to an empty one. Its count comes first, so that no
/// list begins with the bytes of another one.
async fn replace(
    client: &Client,
    object: &ObjectId,
    found: &Format1Directory,
    changed: &Format1Directory,
) -> Result<(), StoreError> {
    let steps = vec![
        WriteStep::CompareExtent { offset: 0, data: found.to_bytes().into() },
        WriteStep::WriteFull { data: changed.to_bytes().into() },
    ];
    client.store.write(object, WriteOp::new(steps).ordered()).await.map(drop)
}

async fn read(client: &Client, object: &ObjectId) -> Result<Format1Directory, CallError> {
    let steps = vec![ReadStep::Read { offset: 0, length: LONGEST }];
    match ask_all(&*client.store, object, steps).await {
        Ok(mut answers) => Ok(answers.record_or_default()?),
        Err(error) if error.is_not_found() => Ok(Format1Directory::default()),
        Err(error) => Err(error),
    }
}
