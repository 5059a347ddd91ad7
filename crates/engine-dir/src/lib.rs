//! engine-dir
