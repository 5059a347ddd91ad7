//! The embedded engine: RADOS-shaped objects in one directory, without a daemon.
//!
//! * [`device`]: the narrow traits below everything, with file, memory and simulated kinds.

pub mod device;
