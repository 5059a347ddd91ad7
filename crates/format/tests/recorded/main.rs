//! Bytes that real Ceph wrote, through every decoder: whole, of another version, and damaged.
//!
//! `../../recorded` holds stored records with the commands that made them
//! (`scripts/record-golden-bytes`), `../../../classes/recorded` calls and answers. One test at a
//! time: they count what is allocated.

mod bytes;
mod damage;
mod golden;
mod table;
mod versions;
