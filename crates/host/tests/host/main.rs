//! Owner and clients: in one process on the memory engine, and as real processes.

mod hostile_peers;
mod jobs;
mod loopback;
mod served;
mod watches;
