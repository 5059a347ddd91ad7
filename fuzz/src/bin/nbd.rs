//! What NBD clients send: requests and options.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marcot_serve::nbd::fuzz::nbd(bytes));

#[cfg(not(fuzzing))]
fn main() {
    marcot_fuzz::seeded(marcot_serve::nbd::fuzz::nbd, marcot_fuzz::small_numbers);
}
