//! Calling class methods: format's calls as steps of store operations, and their answers.
//!
//! The one place where a typed call meets the store; verbs and the image handle share it.

use std::vec;

use bytes::Bytes;
use marcot_format::call::Call;
use marcot_format::{Decode, DecodeError, Encode};
use marcot_store::{
    Errno, ObjectId, ReadOp, ReadResult, ReadStep, SnapId, Store, StoreError, WriteOp, WriteStep,
};

/// Why a call, or any reading of a stored record, gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object holds, or the method returned, bytes that are not what they should be.
    #[error("{object}: {source}")]
    Damaged { object: ObjectId, source: DecodeError },
}

impl CallError {
    /// As Ceph reports it.
    pub fn errno(&self) -> Errno {
        match self {
            CallError::Store(error) => error.errno,
            CallError::Damaged { .. } => Errno::BADMSG,
        }
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.errno() == Errno::NOENT
    }
}

/// A call that changes its object, as a step of a write.
pub fn exec<C: Call>(call: &C) -> WriteStep {
    WriteStep::Exec {
        class: C::CLASS.to_owned(),
        method: C::METHOD.to_owned(),
        input: Bytes::from(call.to_bytes()),
    }
}

/// A call that only reads, as a step of a read. Its answer comes out of [`Answers::answer`].
pub fn query<C: Call>(call: &C) -> ReadStep {
    ReadStep::Exec {
        class: C::CLASS.to_owned(),
        method: C::METHOD.to_owned(),
        input: Bytes::from(call.to_bytes()),
    }
}

/// Runs one reading call on the head of `object`.
pub async fn ask<C: Call>(
    store: &dyn Store,
    object: &ObjectId,
    call: &C,
) -> Result<C::Reply, CallError> {
    ask_all(store, object, vec![query(call)]).await?.answer::<C>()
}

/// Runs reading steps on the head of `object` in one operation; in none when there are no steps.
pub async fn ask_all(
    store: &dyn Store,
    object: &ObjectId,
    steps: Vec<ReadStep>,
) -> Result<Answers, CallError> {
    let results = match steps.is_empty() {
        true => Vec::new(),
        false => store.read(object, SnapId::HEAD, ReadOp { steps }).await?,
    };
    Ok(Answers { object: object.clone(), results: results.into_iter() })
}

/// Runs one changing call on `object`: in order, durable with the next flush.
pub async fn tell<C: Call>(
    store: &dyn Store,
    object: &ObjectId,
    call: &C,
) -> Result<(), CallError> {
    store.write(object, WriteOp::new(vec![exec(call)]).ordered()).await?;
    Ok(())
}

/// The results of a read, taken in the order of its steps.
#[derive(Debug)]
pub struct Answers {
    object: ObjectId,
    results: vec::IntoIter<ReadResult>,
}

impl Answers {
    /// The answer of a step made by [`query`].
    pub fn answer<C: Call>(&mut self) -> Result<C::Reply, CallError> {
        self.record()
    }

    /// A record that was read as data.
    pub fn record<T: Decode>(&mut self) -> Result<T, CallError> {
        let data = self.data()?;
        decode(&self.object, &data)
    }

    /// The same; an object without data stands for the default.
    pub fn record_or_default<T: Decode + Default>(&mut self) -> Result<T, CallError> {
        let data = self.data()?;
        if data.is_empty() { Ok(T::default()) } else { decode(&self.object, &data) }
    }

    /// The answer of a step that reads data.
    pub(crate) fn data(&mut self) -> Result<Bytes, CallError> {
        match self.results.next() {
            Some(ReadResult::Data(data)) => Ok(data),
            other => Err(self.unexpected(other.as_ref())),
        }
    }

    fn unexpected(&self, result: Option<&ReadResult>) -> CallError {
        let context = format!("read {}: the answer to a call is {result:?}", self.object);
        CallError::Store(StoreError::new(Errno::IO, context))
    }
}

/// Reads a record that was stored in, or returned from, `object`.
pub fn decode<T: Decode>(object: &ObjectId, bytes: &[u8]) -> Result<T, CallError> {
    T::from_bytes(bytes).map_err(|source| CallError::Damaged { object: object.clone(), source })
}

/// The bytes of a record, ready for a write step.
pub fn encode<T: Encode>(record: &T) -> Bytes {
    Bytes::from(record.to_bytes())
}
