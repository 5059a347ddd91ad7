//! Making writes durable.

use super::IoError;
use crate::image::Image;

impl Image {
    /// Makes every write acknowledged before this call durable.
    pub async fn flush(&self) -> Result<(), IoError> {
        if self.is_writable() {
            self.store().flush().await?;
        }
        Ok(())
    }
}
