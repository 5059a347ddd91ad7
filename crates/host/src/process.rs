//! Telling one process from another with the same number.

use std::fs;
use std::io;

use marcot_store::session::ProcessMark;

/// The mark of this process.
pub fn this_process() -> io::Result<ProcessMark> {
    let pid = std::process::id();
    mark_of(pid)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether the process of that mark still runs. When in doubt, it does.
pub fn is_alive(mark: ProcessMark) -> bool {
    match mark_of(mark.pid) {
        Ok(Some(found)) => found == mark,
        Ok(None) => false,
        Err(_) => true,
    }
}

/// Whether a process of that number runs. One that only waits to be reaped by its starter does not.
pub fn is_running(pid: u32) -> bool {
    !matches!(mark_of(pid), Ok(None))
}

/// The mark of the process that has this number now; `None` when there is none.
fn mark_of(pid: u32) -> io::Result<Option<ProcessMark>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Ok(start_ticks(&stat).map(|ticks| ProcessMark { pid, started: fold(&boot, ticks) }))
}

/// Field 22 of `/proc/PID/stat`, unless the process is only waiting to be reaped. The second field
/// is the command in parentheses, which may hold anything.
fn start_ticks(stat: &str) -> Option<u64> {
    let (_, after_command) = stat.rsplit_once(')')?;
    let mut fields = after_command.split_ascii_whitespace();
    let state = fields.next()?;
    let ticks = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(ticks)
}

/// FNV-1a of the boot's id and the start within the boot.
fn fold(boot: &str, ticks: u64) -> u64 {
    boot.bytes().chain(ticks.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_with_another_start_is_not() {
        let mark = this_process().unwrap();
        assert!(is_alive(mark));
        assert!(!is_alive(ProcessMark { started: mark.started ^ 1, ..mark }));
        assert!(!is_alive(ProcessMark { pid: u32::MAX, ..mark }));
    }

    #[test]
    fn a_process_that_waits_to_be_reaped_runs_no_more() {
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        assert!(is_running(pid));
        drop(child.stdin.take());
        while is_running(pid) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }

    #[test]
    fn a_command_with_parentheses_does_not_shift_the_fields() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
        assert_eq!(start_ticks(&format!("7 (a) b (c)) {tail}")), Some(4242));
        assert_eq!(start_ticks(&format!("7 (a) {}", tail.replace('S', "Z"))), None);
        assert_eq!(start_ticks("7 (a"), None);
    }
}
