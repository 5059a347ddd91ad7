//! The store file: superblock, log, records, rows of metadata.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marcot_engine_dir::fuzz::store_file(bytes));

#[cfg(not(fuzzing))]
fn main() {
    marcot_fuzz::seeded(marcot_engine_dir::fuzz::store_file, marcot_fuzz::small_numbers);
}
