//! When an image was last read and last changed: its header says so, to the minute.
//!
//! As in librbd, whoever reads or changes an image has the store record its own time in the
//! header when the last record is as old as the interval. What is remembered of the last record
//! is this client's: another may have written a newer one, which is then written again. A record
//! that fails is not tried again before the interval is over, and fails nothing else: reading
//! needs no leave to write.

use std::sync::atomic::{AtomicU64, Ordering};

use marcot_format::Utime;
use marcot_format::call::Call;
use marcot_format::call::header::{SetAccessTimestamp, SetModifyTimestamp};
use marcot_store::ObjectId;

use crate::class_call::tell;
use crate::client::Client;
use crate::config::Config;

/// One of an image's timestamps, as last recorded: seconds since 1970.
#[derive(Debug)]
pub(crate) struct Recorded(AtomicU64);

impl Recorded {
    pub(crate) fn new(time: Utime) -> Recorded {
        Recorded(AtomicU64::new(u64::from(time.seconds)))
    }

    /// Whether to record `now`. Of several who ask at once one is told so.
    fn is_due(&self, now: u64, interval: u64) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        interval > 0
            && now >= last.saturating_add(interval)
            && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Records in `header` that the image was read just now, if that is due.
pub(crate) async fn note_access(
    client: &Client,
    config: &Config,
    header: &ObjectId,
    last: &Recorded,
) {
    note(client, header, last, config.atime_update_interval, &SetAccessTimestamp {}).await;
}

/// Records in `header` that the image was changed just now, if that is due.
pub(crate) async fn note_change(
    client: &Client,
    config: &Config,
    header: &ObjectId,
    last: &Recorded,
) {
    note(client, header, last, config.mtime_update_interval, &SetModifyTimestamp {}).await;
}

async fn note<C: Call>(
    client: &Client,
    header: &ObjectId,
    last: &Recorded,
    interval: u64,
    call: &C,
) {
    if !last.is_due(u64::from(client.env.now().seconds), interval) {
        return;
    }
    if let Err(error) = tell(&*client.store, header, call).await {
        tracing::debug!(%error, "timestamp was not recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_due_once_an_interval() {
        let last = Recorded::new(Utime { seconds: 100, nanoseconds: 999_999_999 });
        assert!(!last.is_due(159, 60));
        assert!(!last.is_due(1000, 0));
        assert!(last.is_due(160, 60));
        assert!(!last.is_due(160, 60));
        assert!(!last.is_due(10, 60));
        assert!(last.is_due(220, 60));
        assert!(!Recorded::new(Utime { seconds: u32::MAX, nanoseconds: 0 }).is_due(5, u64::MAX));
    }
}
