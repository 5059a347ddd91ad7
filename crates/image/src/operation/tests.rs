//! The verbs on a cluster in memory, friendly and hostile.

mod copy_on_read;
mod dropping;
mod dying;
mod failing;
mod faulty;
mod format_1;
mod groups;
mod images;
mod journaling;
mod layers;
mod pools;
mod recorded;
mod refusals;
mod snapshots;
mod sparsify;
mod timestamps;
mod transfers;
mod world;
