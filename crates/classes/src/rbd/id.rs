//! The object that names an image's id.

use marcot_format::call::id::{GetId, SetId};
use marcot_format::object_name::MAX_IMAGE_ID_LENGTH;
use marcot_format::wire::{Decode, Encode};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::is_image_id;
use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 2] = [Entry::of::<GetId>(), Entry::of::<SetId>()];

impl Method for GetId {
    fn run(self, object: &mut dyn ObjectContext) -> Result<String, Errno> {
        let size = object.stat()?.size;
        if size == 0 {
            return Err(Errno::NOENT);
        }
        // Longer than any id: damaged, but no reason to read it whole.
        let data = object.read(0, size.min(16 * MAX_IMAGE_ID_LENGTH as u64))?;
        String::from_bytes(&data).map_err(|_| Errno::IO)
    }
}

impl Method for SetId {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let size = object.stat()?.size;
        if !is_image_id(&self.image_id) {
            return Err(Errno::INVAL);
        }
        if size != 0 {
            return Err(Errno::EXIST);
        }
        object.write(0, &self.image_id.to_bytes())
    }
}
