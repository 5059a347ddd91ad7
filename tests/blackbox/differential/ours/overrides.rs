//! Options for one image or one pool.

use marcot_image::Image;
use marcot_image::config::option::{self, RbdOption};
use marcot_image::config::overrides;
use marcot_store::Errno;

use super::Ours;
use crate::differential::operation::Operation;

impl Ours {
    pub(super) async fn override_for_pool(&self, operation: &Operation) -> Result<(), Errno> {
        let client = &self.client;
        let done = match operation {
            Operation::PoolConfigSet { pool, key, value } => {
                overrides::set_pool(client, self.pool(pool), to_set(key)?, value).await
            }
            Operation::PoolConfigRemove { pool, key } => {
                overrides::remove_pool(client, self.pool(pool), to_remove(key)?).await
            }
            other => unreachable!("{other:?} is about no pool's options"),
        };
        done.map_err(|error| error.errno())
    }
}

pub(super) async fn for_image(image: &Image, operation: &Operation) -> Result<(), Errno> {
    let done = match operation {
        Operation::ConfigSet { key, value, .. } => {
            overrides::set_image(image, to_set(key)?, value).await
        }
        Operation::ConfigRemove { key, .. } => {
            overrides::remove_image(image, to_remove(key)?).await
        }
        other => unreachable!("{other:?} is about no image's options"),
    };
    done.map_err(|error| error.errno())
}

/// Our layer knows options, not their names: whoever has a name looks it up first.
fn to_set(key: &str) -> Result<&'static RbdOption, Errno> {
    option::find(key).map_err(|error| error.errno())
}

/// librbd only looks whether it is set.
fn to_remove(key: &str) -> Result<&'static RbdOption, Errno> {
    option::find(key).map_err(|_| Errno::NOENT)
}
