//! What the targets share: bodies for the tables of the format, and a driver without libFuzzer.
//!
//! Every body is also called by a test of its crate, with seeded bytes: `format --test recorded`
//! (damage), `engine-dir fuzz`, `serve fuzz`.

mod recorded;

use marcot_format::call;
use marcot_format::record::{self, check};
use marcot_testkit::Random;

/// A record of [`record::ALL`]; the first byte picks which.
pub fn records(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    if let Some(record) = record::ALL.get(usize::from(*which)) {
        check(record.rewrite, bytes);
    }
}

/// Arguments or result of a call of [`call::all`]; the first two bytes pick which.
pub fn calls(bytes: &[u8]) {
    let [part, which, bytes @ ..] = bytes else { return };
    let Some(call) = call::all().nth(usize::from(*which)) else { return };
    check(if part % 2 == 0 { call.rewrite_arguments } else { call.rewrite_reply }, bytes);
}

/// Runs a target on damaged bytes: `ROUNDS [SEED]` on the command line.
pub fn seeded(target: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<u64>().expect("a number"));
    let rounds = numbers.next().unwrap_or(100_000);
    let seed = numbers.next().unwrap_or(1);
    let mut random = Random::new(seed);
    let seeds = seeds();
    seeds.iter().for_each(|bytes| target(bytes));
    for _ in 0..rounds {
        let mut bytes = random.pick(&seeds).clone();
        for _ in 0..=random.below(4) {
            damage(&mut bytes, &mut random);
        }
        target(&bytes);
    }
    println!("{rounds} rounds from seed {seed} on {} whole inputs: nothing found", seeds.len());
}

/// Whole records, each behind the byte that picks it.
pub fn whole_records() -> Vec<Vec<u8>> {
    let number = |name: &str| record::ALL.iter().position(|record| record.name == name);
    let all = recorded::records().into_iter().filter_map(|(name, bytes)| {
        Some([vec![u8::try_from(number(&name)?).ok()?], bytes].concat())
    });
    all.collect()
}

/// Whole arguments and results, each behind the bytes that pick it.
pub fn whole_calls() -> Vec<Vec<u8>> {
    let number = |class: &str, method: &str| {
        call::all().position(|call| call.class == class && call.method == method)
    };
    let all = recorded::calls().into_iter().filter_map(|one| {
        let which = u8::try_from(number(&one.class, &one.method)?).ok()?;
        Some([vec![one.part, which], one.bytes].concat())
    });
    all.collect()
}

/// Nothing is recorded of these: small numbers of every length.
pub fn small_numbers() -> Vec<Vec<u8>> {
    (1..64u8).flat_map(|length| (0..5).map(move |which| vec![which; usize::from(length)])).collect()
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len().max(1) as u64) as usize;
    match random.below(6) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.next_u64() as u8),
        2 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        3 if !bytes.is_empty() => bytes[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
        4 => {
            let wild: u32 = *random.pick(&[0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 20]);
            let end = (at + 4).min(bytes.len());
            bytes[at..end].copy_from_slice(&wild.to_le_bytes()[..end - at]);
        }
        _ => {
            let piece = bytes[at..bytes.len().min(at + 40)].to_vec();
            let to = random.below(bytes.len().max(1) as u64) as usize;
            bytes.splice(to..to, piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_picks_every_record_and_every_call() {
        assert!(record::ALL.len() <= 256 && call::all().count() <= 256);
        assert!(whole_records().len() > 150 && whole_calls().len() > 2000);
    }
}
