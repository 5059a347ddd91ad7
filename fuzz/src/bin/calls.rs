//! Every decoder of a call's arguments and result.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marcot_fuzz::calls(bytes));

#[cfg(not(fuzzing))]
fn main() {
    marcot_fuzz::seeded(marcot_fuzz::calls, marcot_fuzz::whole_calls);
}
