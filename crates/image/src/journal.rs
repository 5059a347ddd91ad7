//! The journal of an image with the feature journaling: whether everything in it is in the image
//! too, and how to do away with it. Entries are never written here. docs/formats/journal.md.

use marcot_format::call::journal::{
    GetActiveSet, GetClient, GetMinimumSet, GetPoolId, GetSplayWidth,
};
use marcot_format::journal::{self, IMAGE_CLIENT, JournalEntry};
use marcot_format::object_name;
use marcot_format::wire::{Decode, Decoder};
use marcot_store::{
    Errno, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapId, Store, StoreError, WriteOp,
    WriteStep,
};

use crate::class_call::{CallError, ask_all, query};
use crate::header::Header;

/// Journals of more objects are damaged ones: the oldest are removed while new ones are written.
const MOST_OBJECTS: u64 = 1 << 20;
/// The longest object of entries that is read: the greatest order, and an entry over the end.
const LONGEST_OBJECT: u64 = (1 << 26) + (64 << 20);

/// Where the entries are, and up to where they are in the image.
struct Journal {
    header: ObjectId,
    image_id: String,
    pool: PoolId,
    /// The numbers of the objects in use.
    objects: std::ops::Range<u64>,
    /// The newest entry that is in the image: its tag and number.
    committed: Option<(u64, u64)>,
}

/// Whether all entries are in the image. A journal that is gone has none.
pub(crate) async fn is_replayed(store: &dyn Store, image: &Header) -> Result<bool, CallError> {
    let Some(journal) = Journal::load(store, image).await? else { return Ok(true) };
    for number in journal.objects.clone() {
        if journal.has_newer(store, number).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes the journal: its entries, then its header.
pub(crate) async fn remove(store: &dyn Store, image: &Header) -> Result<(), CallError> {
    let Some(journal) = Journal::load(store, image).await? else { return Ok(()) };
    for number in journal.objects.clone() {
        remove_object(store, &journal.object(number)).await?;
    }
    remove_object(store, &journal.header).await
}

impl Journal {
    async fn load(store: &dyn Store, image: &Header) -> Result<Option<Journal>, CallError> {
        let header = image.location.object(object_name::journal(&image.id));
        let steps = vec![
            query(&GetSplayWidth {}),
            query(&GetPoolId {}),
            query(&GetMinimumSet {}),
            query(&GetActiveSet {}),
            query(&GetClient { id: IMAGE_CLIENT.to_owned() }),
        ];
        let mut answers = match ask_all(store, &header, steps).await {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        let width = u64::from(answers.answer::<GetSplayWidth>()?);
        let pool = answers.answer::<GetPoolId>()?;
        let minimum = answers.answer::<GetMinimumSet>()?;
        let active = answers.answer::<GetActiveSet>()?;
        let client = answers.answer::<GetClient>()?;
        let end = active.checked_add(1).and_then(|sets| sets.checked_mul(width));
        let objects = end.map(|end| minimum.saturating_mul(width)..end);
        let sound = |objects: &std::ops::Range<u64>| objects.end - objects.start <= MOST_OBJECTS;
        let Some(objects) = objects.filter(|objects| !objects.is_empty()).filter(sound) else {
            let context = format!("read {header}: sets {minimum} to {active} of {width} objects");
            return Err(StoreError::new(Errno::IO, context).into());
        };
        let positions = client.commit_position.iter();
        Ok(Some(Journal {
            header,
            image_id: image.id.to_string(),
            pool: if pool < 0 { image.location.pool } else { PoolId(pool) },
            objects,
            committed: positions.map(|at| (at.tag_tid, at.entry_tid)).max(),
        }))
    }

    fn object(&self, number: u64) -> ObjectId {
        let name = journal::data_object(self.pool.0, &self.image_id, number);
        ObjectId { pool: self.pool, name: name.into(), ..self.header.clone() }
    }

    /// Whether an object has an entry that is not in the image. What cannot be read may be one.
    async fn has_newer(&self, store: &dyn Store, number: u64) -> Result<bool, CallError> {
        let read = ReadOp::single(ReadStep::Read { offset: 0, length: LONGEST_OBJECT });
        let found = match store.read(&self.object(number), SnapId::HEAD, read).await {
            Err(error) if error.errno == Errno::NOENT => return Ok(false),
            other => other?,
        };
        let Some(ReadResult::Data(data)) = found.into_iter().next() else { return Ok(true) };
        let mut entries = Decoder::new(JournalEntry::RECORD, &data);
        while !entries.is_empty() {
            match JournalEntry::decode(&mut entries) {
                Ok(entry) if Some((entry.tag_tid, entry.entry_tid)) <= self.committed => {}
                Ok(_) | Err(_) => return Ok(true),
            }
        }
        Ok(false)
    }
}

async fn remove_object(store: &dyn Store, object: &ObjectId) -> Result<(), CallError> {
    match store.write(object, WriteOp::new(vec![WriteStep::Remove]).ordered()).await {
        Err(error) if error.errno != Errno::NOENT => Err(error.into()),
        _ => Ok(()),
    }
}
