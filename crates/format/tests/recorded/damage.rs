//! Damaged bytes bring no decoder down and make none of them hungry.
//!
//! The same seed gives the same damage. `MARCOT_DAMAGE_ROUNDS` sets how much of it.

use marcot_format::call;
use marcot_format::record;
use peak_alloc::PeakAlloc;

use crate::bytes::{calls, hex, records};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What a decoder may take for each byte that it is given, and on top of that.
const PER_BYTE: usize = 96;
const FIXED: usize = 16 << 10;

type Rewrite = fn(&[u8]) -> Result<Vec<u8>, marcot_format::DecodeError>;

/// Every decoder by name, with whole bytes to begin with.
fn decoders() -> Vec<(String, Rewrite, Vec<Vec<u8>>)> {
    let recorded = records();
    let mut found = Vec::new();
    for record in record::ALL {
        let own = recorded.iter().filter(|one| one.name == record.name);
        let own = own.map(|one| one.bytes.clone()).collect();
        found.push((record.name.to_owned(), record.rewrite, own));
    }
    let answers = calls();
    for call in call::all() {
        let own =
            || answers.iter().filter(|one| one.class == call.class && one.method == call.method);
        let arguments = own().map(|one| one.arguments.clone()).collect();
        let name = format!("{}.{}", call.class, call.method);
        found.push((format!("arguments of {name}"), call.rewrite_arguments, arguments));
        let replies = own().filter_map(|one| one.answer.clone()).collect();
        found.push((format!("result of {name}"), call.rewrite_reply, replies));
    }
    found
}

/// A sequence of numbers that looks random (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Damages bytes in one of the ways that hurt decoders.
fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let at = numbers.below(bytes.len());
    match numbers.below(7) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, numbers.next() as u8),
        2 if !bytes.is_empty() => {
            bytes.remove(at);
        }
        3 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
        4 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5)],
        // Lengths and counts, of all sizes.
        5 => {
            let wild = [0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 20, 0x0100_0000][numbers.below(6)];
            let end = (at + 4).min(bytes.len());
            bytes[at..end].copy_from_slice(&u32::to_le_bytes(wild)[..end - at]);
        }
        _ => {
            let piece = bytes[at..bytes.len().min(at + 40)].to_vec();
            let to = numbers.below(bytes.len());
            bytes.splice(to..to, piece);
        }
    }
}

fn check(name: &str, rewrite: Rewrite, bytes: &[u8]) {
    ALLOCATED.reset_peak_usage();
    let before = ALLOCATED.current_usage();
    // Dropped before it is weighed: an error holds nothing.
    drop(rewrite(bytes));
    let taken = ALLOCATED.peak_usage().saturating_sub(before);
    let allowed = FIXED + PER_BYTE * bytes.len();
    assert!(taken <= allowed, "{name} takes {taken} bytes for {}", hex(bytes));
    record::check(rewrite, bytes);
}

#[test]
fn damaged_bytes_harm_nobody() {
    let rounds =
        std::env::var("MARCOT_DAMAGE_ROUNDS").ok().map_or(400, |text| text.parse().unwrap());
    let mut numbers = Numbers(0x6d61_7263_6f74_2121);
    for (name, rewrite, whole) in decoders() {
        for bytes in &whole {
            check(&name, rewrite, bytes);
        }
        for _ in 0..rounds {
            let mut bytes = whole.get(numbers.below(whole.len())).cloned().unwrap_or_default();
            for _ in 0..=numbers.below(4) {
                damage(&mut bytes, &mut numbers);
            }
            check(&name, rewrite, &bytes);
        }
    }
}

#[test]
fn the_count_notices_a_hungry_decoder() {
    fn hungry(bytes: &[u8]) -> Result<Vec<u8>, marcot_format::DecodeError> {
        drop(vec![1u8; 1 << 20]);
        Ok(bytes.to_vec())
    }
    let noticed = std::panic::catch_unwind(|| check("hungry", hungry, &[1]));
    assert!(noticed.is_err());
}
