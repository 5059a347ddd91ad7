//! Reading what an image's records say.

mod format_1;
mod format_2;
mod layout;

pub(crate) use format_1::whole_format_1;
pub(crate) use layout::StoredLayout;

use marcot_store::Store;

use super::{Header, HeaderError, Identity, ImageFormat};

/// Loads a header. `before` spares reading what never changes.
pub(crate) async fn load(
    store: &dyn Store,
    identity: &Identity,
    before: Option<&Header>,
) -> Result<Header, HeaderError> {
    match identity.format {
        ImageFormat::V1 => format_1::load(store, identity).await,
        ImageFormat::V2 => format_2::load(store, identity, before).await,
    }
}
