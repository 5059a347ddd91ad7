//! The house rules that a machine can hold: arrows between crates, lengths, forbidden words,
//! licences, what pages name. Each rule says what to do when it fails.

mod arrows;
mod dead_modules;
mod lengths;
mod licences;
mod pages;
mod sources;
mod words;
