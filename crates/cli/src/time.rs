//! Times as the C library's `ctime` shows them, in the user's time zone.
//!
//! The zone is read from its file (`TZ`, else `/etc/localtime`), whose format is RFC 8536. What
//! cannot be read is taken as UTC.

use std::path::{Path, PathBuf};

use marcot_format::Utime;

/// `Wed Aug 28 17:27:10 2019`
pub(crate) fn shown(time: Utime) -> String {
    let seconds = i64::from(time.seconds);
    let offset = zone_file().and_then(|file| offset_at(&file, seconds)).unwrap_or(0);
    ctime(seconds + offset)
}

/// `2019-08-28T17:27:10.012345+0000`; durations and the zero time as seconds: `0.000000`.
pub(crate) fn exact(time: Utime) -> String {
    let seconds = i64::from(time.seconds);
    let offset = zone_file().and_then(|file| offset_at(&file, seconds)).unwrap_or(0);
    exact_at(time, offset)
}

fn exact_at(time: Utime, offset: i64) -> String {
    /// Ceph takes what is smaller for a duration.
    const TEN_YEARS: u32 = 60 * 60 * 24 * 365 * 10;
    let microseconds = time.nanoseconds / 1000;
    if time.seconds < TEN_YEARS {
        return format!("{}.{microseconds:06}", time.seconds);
    }
    let local = i64::from(time.seconds) + offset;
    let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, date) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (sign, east) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
    let zone = format!("{sign}{:02}{:02}", east / 60, east % 60);
    format!(
        "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{microseconds:06}{zone}"
    )
}

fn ctime(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, date) = civil(day);
    let index = |number: i64, count: i64| usize::try_from(number.rem_euclid(count)).unwrap_or(0);
    format!(
        "{} {} {date:>2} {:02}:{:02}:{:02} {year}",
        DAYS[index(day, 7)],
        MONTHS[index(month - 1, 12)],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of the month of a day counted from 1970, by the Gregorian calendar.
///
/// Counts in eras of 400 years that begin on a first of March, so that a leap day comes last.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, date)
}

fn zone_file() -> Option<Vec<u8>> {
    let path = match std::env::var("TZ") {
        Ok(name) if name.is_empty() => return None,
        Ok(name) => zone_path(name.strip_prefix(':').unwrap_or(&name)),
        Err(_) => PathBuf::from("/etc/localtime"),
    };
    std::fs::read(path).ok()
}

fn zone_path(name: &str) -> PathBuf {
    if name.starts_with('/') {
        PathBuf::from(name)
    } else {
        Path::new("/usr/share/zoneinfo").join(name)
    }
}

/// Seconds east of Greenwich at `time`, by the zone file's 64-bit table.
fn offset_at(file: &[u8], time: i64) -> Option<i64> {
    let first = Counts::read(file)?;
    let second = file.get(first.table_length(4)?..)?;
    let counts = Counts::read(second)?;
    let table = second.get(HEADER..)?;
    let times = table.get(..counts.times.checked_mul(8)?)?;
    let kinds = table.get(times.len()..times.len().checked_add(counts.times)?)?;
    let types = table.get(times.len() + kinds.len()..)?;
    let passed = times.chunks_exact(8).take_while(|chunk| big_endian(chunk) <= time).count();
    let kind = match passed.checked_sub(1) {
        Some(last) => usize::from(*kinds.get(last)?),
        None => 0,
    };
    let entry = types.get(kind.checked_mul(6)?..)?.get(..4)?;
    Some(i64::from(i32::from_be_bytes(entry.try_into().ok()?)))
}

const HEADER: usize = 44;

/// How many entries the tables of a zone file have.
struct Counts {
    ut: usize,
    standard: usize,
    leaps: usize,
    times: usize,
    types: usize,
    letters: usize,
}

impl Counts {
    fn read(file: &[u8]) -> Option<Counts> {
        let header = file.get(..HEADER).filter(|header| header.starts_with(b"TZif"))?;
        let at = |index: usize| {
            let bytes = header.get(20 + 4 * index..24 + 4 * index)?;
            usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
        };
        Some(Counts {
            ut: at(0)?,
            standard: at(1)?,
            leaps: at(2)?,
            times: at(3)?,
            types: at(4)?,
            letters: at(5)?,
        })
    }

    /// Header and tables together, with times of `width` bytes.
    fn table_length(&self, width: usize) -> Option<usize> {
        let parts = [
            self.times.checked_mul(width + 1)?,
            self.types.checked_mul(6)?,
            self.letters,
            self.leaps.checked_mul(width + 4)?,
            self.standard,
            self.ut,
        ];
        parts.into_iter().try_fold(HEADER, usize::checked_add)
    }
}

fn big_endian(bytes: &[u8]) -> i64 {
    bytes.try_into().map_or(0, i64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_library_shows_the_same() {
        assert_eq!(ctime(0), "Thu Jan  1 00:00:00 1970");
        assert_eq!(ctime(1_567_013_230), "Wed Aug 28 17:27:10 2019");
        assert_eq!(ctime(951_782_400), "Tue Feb 29 00:00:00 2000");
        assert_eq!(ctime(4_294_967_295), "Sun Feb  7 06:28:15 2106");
    }

    #[test]
    fn exact_times_name_their_zone() {
        let time = Utime { seconds: 1_567_013_230, nanoseconds: 12_345_678 };
        assert_eq!(exact_at(time, 0), "2019-08-28T17:27:10.012345+0000");
        assert_eq!(exact_at(time, 8 * 3600), "2019-08-29T01:27:10.012345+0800");
        assert_eq!(exact_at(time, -12_600), "2019-08-28T13:57:10.012345-0330");
        assert_eq!(exact_at(Utime::default(), 3600), "0.000000");
    }

    #[test]
    fn zone_files_are_read_and_hostile_ones_refused() {
        let mut file = b"TZif2".to_vec();
        file.resize(HEADER, 0);
        file.extend(b"TZif2");
        file.resize(2 * HEADER, 0);
        file[HEADER + 35] = 1; // one transition
        file[HEADER + 39] = 2; // two kinds
        file.extend(1000_i64.to_be_bytes());
        file.push(1);
        file.extend(0_i32.to_be_bytes());
        file.extend([0, 0]);
        file.extend(3600_i32.to_be_bytes());
        file.extend([1, 0]);
        assert_eq!(offset_at(&file, 999), Some(0));
        assert_eq!(offset_at(&file, 1000), Some(3600));
        for length in 0..file.len() - 2 {
            offset_at(&file[..length], 1000);
        }
        file[HEADER + 32..HEADER + 36].fill(0xff);
        assert_eq!(offset_at(&file, 1000), None);
    }
}
