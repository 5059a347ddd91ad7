//! Dates as users write them. As Ceph does, we have `date` read them: it knows `tomorrow` and
//! `next friday`.

use std::process::{Command, Stdio};

use marcot_format::Utime;
use marcot_store::Errno;

use crate::console::complain;
use crate::exit::Failure;

const DATE: &str = "/bin/date";

/// The time that `text` means.
pub(crate) fn read(text: &str) -> Result<Utime, Failure> {
    let failed = |errno| Failure::verb(format!("error calling {DATE}"), errno);
    let output = Command::new(DATE)
        .arg(format!("--date={text}"))
        .args(["--utc", "+%s"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.raw_os_error().map_or(Errno::IO, Errno::from_raw)))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match (output.status.success(), said.trim().parse::<i64>()) {
        // What lies before 1970 has passed as surely as 1970 has.
        (true, Ok(seconds)) => {
            let seconds = u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
            Ok(Utime { seconds, nanoseconds: 0 })
        }
        _ => {
            complain(String::from_utf8_lossy(&output.stderr).trim_end());
            Err(failed(Errno::INVAL))
        }
    }
}
