//! Objects of entries.

use marcot_format::call::journal::GuardAppend;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 1] = [Entry::of::<GuardAppend>()];

impl Method for GuardAppend {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        match object.stat() {
            Err(Errno::NOENT) => Ok(()),
            stat if stat?.size >= self.soft_max_size => Err(Errno::OVERFLOW),
            _ => Ok(()),
        }
    }
}
