//! Commands to the monitors, which answer in JSON.

use std::ffi::{CString, c_char};
use std::ptr;

use bytes::Bytes;
use marcot_store::{Errno, Result, StoreError};
use serde_json::Value;

use crate::connection::CephCluster;

impl CephCluster {
    /// Runs a monitor command given as JSON, with `input` as its bulk data, and yields its output.
    /// Blocks.
    pub(crate) fn monitor(&self, command: &Value, input: &[u8]) -> Result<Bytes> {
        let text = CString::new(command.to_string())
            .map_err(|_| StoreError::new(Errno::INVAL, "a command must not hold a zero byte"))?;
        let commands = [text.as_ptr()];
        let mut output: *mut c_char = ptr::null_mut();
        let mut message: *mut c_char = ptr::null_mut();
        let (mut output_length, mut message_length) = (0, 0);
        // SAFETY: all buffers live through the call; the outputs are librados' and freed below.
        let (result, answer, said) = unsafe {
            let result = (self.rados.mon_command)(
                self.handle,
                commands.as_ptr(),
                commands.len(),
                input.as_ptr().cast(),
                input.len(),
                &raw mut output,
                &raw mut output_length,
                &raw mut message,
                &raw mut message_length,
            );
            let answer = self.taken(output, output_length);
            (result, answer, self.taken(message, message_length))
        };
        if result < 0 {
            let prefix = command["prefix"].as_str().unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let context =
                if said.is_empty() { prefix.to_owned() } else { format!("{prefix}: {said}") };
            return Err(StoreError::new(Errno::from_raw(-result), context));
        }
        Ok(answer)
    }

    /// The same, with the answer parsed. Some commands add a line of text after the JSON: it is
    /// for people, and left alone.
    pub(crate) fn monitor_json(&self, command: &Value) -> Result<Value> {
        let answer = self.monitor(command, &[])?;
        let mut values = serde_json::Deserializer::from_slice(&answer).into_iter();
        values.next().and_then(Result::ok).ok_or_else(|| {
            let prefix = command["prefix"].as_str().unwrap_or_default();
            StoreError::new(Errno::BADMSG, format!("{prefix}: the monitor's answer is not JSON"))
        })
    }

    /// Copies and frees a buffer that librados allocated.
    ///
    /// # Safety
    /// `text` is null or a buffer of `length` bytes that librados allocated.
    unsafe fn taken(&self, text: *mut c_char, length: usize) -> Bytes {
        if text.is_null() {
            return Bytes::new();
        }
        // SAFETY: as the caller promises; freed exactly once.
        unsafe {
            let bytes = Bytes::copy_from_slice(std::slice::from_raw_parts(text.cast(), length));
            (self.rados.buffer_free)(text);
            bytes
        }
    }
}
