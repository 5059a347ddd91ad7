//! What a method is: a call that knows how to run.

use bytes::Bytes;
use marcot_format::call::{Call, CallKind};
use marcot_format::wire::Encode;
use marcot_store::Errno;
use marcot_store::class::{MethodKind, ObjectContext};

/// A call with its implementation.
pub(crate) trait Method: Call {
    /// Runs the call on an object. A call that only reads finds the object there.
    fn run(self, object: &mut dyn ObjectContext) -> Result<Self::Reply, Errno>;
}

/// A method without its types, as the registry keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) class: &'static str,
    pub(crate) method: &'static str,
    pub(crate) kind: MethodKind,
    pub(crate) run: fn(&mut dyn ObjectContext, &[u8]) -> Result<Bytes, Errno>,
}

impl Entry {
    /// The entry of a method.
    pub(crate) const fn of<M: Method>() -> Entry {
        let (kind, run): (_, fn(&mut dyn ObjectContext, &[u8]) -> _) = match M::KIND {
            CallKind::Read => (MethodKind::Read, read::<M>),
            CallKind::Write => (MethodKind::Write, write::<M>),
        };
        Entry { class: M::CLASS, method: M::METHOD, kind, run }
    }
}

/// RADOS refuses to read from an object that does not exist before any method is asked.
fn read<M: Method>(object: &mut dyn ObjectContext, input: &[u8]) -> Result<Bytes, Errno> {
    object.stat()?;
    write::<M>(object, input)
}

fn write<M: Method>(object: &mut dyn ObjectContext, input: &[u8]) -> Result<Bytes, Errno> {
    let call = M::from_bytes(input).map_err(|_| Errno::INVAL)?;
    Ok(call.run(object)?.to_bytes().into())
}
