//! Images on their way to another place. Moving them is not built; what they hold is read as long
//! as it is theirs alone.

use marcot_format::call::migration::MigrationGet;
use marcot_format::migration::MigrationSide;
use marcot_store::{Errno, ObjectId, Store};

use crate::class_call::{CallError, ask};

/// Whether the image of `header` is one that another is moved to: until that is done, bytes of the
/// other show through.
pub(crate) async fn is_destination(
    store: &dyn Store,
    header: &ObjectId,
) -> Result<bool, CallError> {
    match ask(store, header, &MigrationGet {}).await {
        Ok(spec) => Ok(spec.side == MigrationSide::Destination),
        // It has come to its end since the feature was seen.
        Err(error) if error.errno() == Errno::INVAL => Ok(false),
        Err(error) => Err(error),
    }
}
