//! The verbs on a cluster in memory, friendly and hostile.

mod images;
mod layers;
mod refusals;
mod snapshots;
mod transfers;
mod world;
