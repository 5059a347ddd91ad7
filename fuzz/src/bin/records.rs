//! Every decoder of a record.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marcot_fuzz::records(bytes));

#[cfg(not(fuzzing))]
fn main() {
    marcot_fuzz::seeded(marcot_fuzz::records, marcot_fuzz::whole_records);
}
