//! The house rules that a machine can hold: arrows between crates, lengths, forbidden words,
//! licences. Each rule says what to do when it fails.

mod arrows;
mod dead_modules;
mod lengths;
mod licences;
mod sources;
mod words;
