//! A value that is made at its first use, by one task, while others wait for it.

use std::future::Future;
use std::sync::OnceLock;

#[derive(Debug)]
pub(crate) struct AsyncOnce<T> {
    value: OnceLock<T>,
    making: futures_util::lock::Mutex<()>,
}

impl<T> Default for AsyncOnce<T> {
    fn default() -> AsyncOnce<T> {
        AsyncOnce { value: OnceLock::new(), making: futures_util::lock::Mutex::new(()) }
    }
}

impl<T: Clone> AsyncOnce<T> {
    /// The value, if it was made.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value; made by `make` if need be. A failure leaves it to be made by the next.
    pub(crate) async fn get_or_try_init<E, F>(&self, make: impl FnOnce() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.value.get() {
            return Ok(value.clone());
        }
        let _single = self.making.lock().await;
        if let Some(value) = self.value.get() {
            return Ok(value.clone());
        }
        let value = make().await?;
        Ok(self.value.get_or_init(|| value).clone())
    }
}
