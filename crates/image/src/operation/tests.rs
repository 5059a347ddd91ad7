//! The verbs on a cluster in memory, friendly and hostile.

mod failing;
mod images;
mod layers;
mod recorded;
mod refusals;
mod snapshots;
mod transfers;
mod world;
